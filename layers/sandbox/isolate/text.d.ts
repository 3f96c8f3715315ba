/** Built by `npm run build:shell`: the JSON of the isolates' code, see Isolate. */
declare module "*.shell.txt" {
  const text: string
  export default text
}
