import { isFinal, type Task, type TaskStatus } from "../../src/domain/Task.ts"

export const isStarted = ({ status }: Task) => status !== "queued" && !isFinal(status)

/** The tasks that are in memory, for all who keep something of them. */
export const make = () => {
  const tasks = new Map<string, Task>()
  /** Runs that wait for those of their deployment that came before. */
  const held = new Set<string>()

  const move = (task: Task, status: TaskStatus, at: string, reason: string | null, set: Partial<Task>): Task => {
    const transitions = [...task.transitions, { status, at, reason }]
    const moved = { ...task, ...set, status, updated_at: at, transitions }
    tasks.set(task.id, moved)
    return moved
  }

  const openRuns = (deployment: string) =>
    [...tasks.values()]
      .filter((task) => task.deployment_run?.deployment_id === deployment && !isFinal(task.status))
      .sort((a, b) => (a.id < b.id ? -1 : 1))

  /** A run has ended: the next one that waits for it begins. */
  const release = ({ deployment_run: run }: Task) => {
    const open = run === undefined ? [] : openRuns(run.deployment_id)
    const next = open[0]
    if (next !== undefined && open.every(({ id }) => held.has(id))) held.delete(next.id)
  }

  return { tasks, held, move, openRuns, release }
}

export type TaskRows = ReturnType<typeof make>
