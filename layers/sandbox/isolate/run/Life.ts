/** Milliseconds a program may compute without a pause: while it does, nothing else of its process runs. */
const maxBusy = 10_000

const passesBetweenChecks = 64

/** Thrown at every loop and function of a program that has to end, however often it is caught. */
class Stopped extends Error {
  override readonly name = "Stopped"
}

export interface End {
  readonly exitCode: number
  readonly timedOut: boolean
}

/** One run of a program: what keeps it going, and how it ends. */
export class Life {
  readonly ended: Promise<End>
  /** Asked by every loop and function of the program. */
  readonly guard: () => void
  /** Told of an error that nothing caught; true where the program takes care of it. */
  onError: (error: unknown) => boolean = () => false
  /** Last words; may change the exit code. */
  onEnd: (exitCode: number) => number = (exitCode) => exitCode
  private readonly settle: (end: End) => void
  private readonly stopped = new Stopped("the program has ended")
  private readonly later: (callback: () => void) => void
  private over = false
  private held = 0
  private holds = 0
  private evaluated = false

  constructor(timeout: number, report: (line: string) => void) {
    // The program may replace all of these.
    const { now } = Date
    const { setTimeout: after, clearTimeout, setInterval: every, clearInterval } = globalThis
    const deadline = now() + timeout
    let paused = now()
    let passes = 0
    this.guard = () => {
      if (this.over) throw this.stopped
      if (++passes < passesBetweenChecks) return
      const time = now()
      passes = 0
      if (time < deadline && time - paused < maxBusy) return
      // The program may have used up the stack: `beat` does the rest.
      this.over = true
      throw this.stopped
    }
    const beat = every(() => {
      if (this.over) this.settle({ exitCode: 124, timedOut: true })
      if (this.over && now() < deadline)
        report(`node: stopped after ${maxBusy / 1000} s of computing without a pause\n`)
      paused = now()
    }, 20)
    const alarm = after(() => this.stop({ exitCode: 124, timedOut: true }), timeout)
    this.later = (callback) => void after(callback, 1)
    const { promise, resolve } = Promise.withResolvers<End>()
    this.ended = promise
    this.settle = (end) => {
      clearInterval(beat)
      clearTimeout(alarm)
      resolve(end)
    }
  }

  get isOver(): boolean {
    return this.over
  }

  /** Keeps the program going until the answer is called. */
  hold(): () => void {
    this.held++
    this.holds++
    let holding = true
    return () => {
      if (!holding) return
      holding = false
      this.held--
      this.check()
    }
  }

  /** Keeps the program going until the promise settles. */
  async while<A>(promise: Promise<A>): Promise<A> {
    const release = this.hold()
    try {
      return await promise
    } finally {
      release()
    }
  }

  /** The program's modules have run; it lasts as long as something holds it. */
  async main(modules: Promise<void>): Promise<void> {
    try {
      await modules
      this.evaluated = true
      this.check()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Calls back into the program. */
  call<A extends ReadonlyArray<unknown>>(callback: (...values: A) => unknown, ...values: A): void {
    if (this.over) return
    try {
      callback(...values)
    } catch (error) {
      this.fail(error)
    }
  }

  /** For an error that nothing caught. */
  fail(error: unknown): void {
    if (!this.over && !this.onError(error)) this.stop({ exitCode: this.onEnd(1), timedOut: false })
  }

  /** Ends the program as Ctrl-C does. */
  cancel(): void {
    if (!this.over) this.stop({ exitCode: 130, timedOut: false })
  }

  /** Does not return when called by the program. */
  exit(exitCode: number): never {
    if (!this.over) this.stop({ exitCode: this.onEnd(exitCode), timedOut: false })
    throw this.stopped
  }

  private stop(end: End): void {
    this.over = true
    this.settle(end)
  }

  /** Ends the program once nothing has held it for some turns, in which what it awaits may go on. */
  private check(turns = 4, holds = this.holds): void {
    if (!this.evaluated || this.held > 0 || this.over || holds !== this.holds) return
    if (turns > 0) return this.later(() => this.check(turns - 1, holds))
    this.stop({ exitCode: this.onEnd(0), timedOut: false })
  }
}
