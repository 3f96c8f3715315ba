/** What `scripts/build-sandbox.ts` bundles into `sandbox.mjs`: the SDK, as a module beside the Worker's own. */
export { ContainerProxy, Sandbox } from "@cloudflare/sandbox"
