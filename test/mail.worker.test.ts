import { it, assert } from "@effect/vitest"
import { startMail } from "./support/mail.ts"
it("explore", async () => {
  const worker = await startMail()
  const box = await worker.mailbox("support")
  console.log(box)
  const verdict = await worker.post({ to: box.address, body: "write a haiku to outputs/haiku.txt" })
  console.log(verdict)
  console.log(JSON.stringify(await worker.mails(""), null, 1))
  const [task] = await worker.until(() => worker.list<any>("/v1/tasks"), (t) => t[0]?.status === "succeeded")
  console.log(task)
  console.log(await worker.list("/v1/deliveries"))
  const r = await fetch(`${worker.client.baseURL}/cdn-cgi/local/explorer/api/local/email/sending`)
  console.log(r.status, (await r.text()).slice(0, 3000))
  console.log(JSON.stringify(await worker.mails("status=sent"), null, 1))
  await worker.close()
})
