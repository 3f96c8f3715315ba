import type { Span } from "./Span.ts"

type Attributes = Span["attributes"]

/** A span that is still being told. */
export class OpenSpan {
  private span: Span
  private readonly children: Array<OpenSpan> = []

  constructor(id: string, name: string, startedAt: string, attributes: Attributes, kind: Span["kind"] = "internal") {
    this.span = {
      span_id: id,
      parent_span_id: null,
      name,
      kind,
      started_at: startedAt,
      ended_at: null,
      status: "unset",
      attributes,
      children: []
    }
  }

  add(child: OpenSpan): OpenSpan {
    this.children.push(child)
    return child
  }

  childOf(parent: string | null): this {
    this.span = { ...this.span, parent_span_id: parent }
    return this
  }

  startAt(at: string): this {
    this.span = { ...this.span, started_at: at }
    return this
  }

  set(attributes: Attributes): this {
    this.span = { ...this.span, attributes: { ...this.span.attributes, ...attributes } }
    return this
  }

  fail(type: string, message?: string): this {
    this.span = {
      ...this.set({ "error.type": type }).span,
      status: "error",
      ...(message === undefined ? {} : { message })
    }
    return this
  }

  /** Whatever is open in it ends with it: what a process left open whose death nothing else tells of. */
  end(at: string): this {
    for (const child of this.children) child.end(at)
    if (this.span.ended_at === null) this.span = { ...this.span, ended_at: at }
    return this
  }

  get isOpen(): boolean {
    return this.span.ended_at === null
  }

  get whole(): Span {
    const { span_id } = this.span
    return { ...this.span, children: this.children.map((child) => child.childOf(span_id).whole) }
  }
}
