/** As `layers/cloudflare/env.d.ts` has it, which says of the product's own Worker what the package must not know. */
declare module "*.shell.txt" {
  const text: string
  export default text
}
