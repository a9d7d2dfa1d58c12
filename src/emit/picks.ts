// Values chosen by a sign -> JavaScript without a branch, which random signs would mispredict every other time: what there is
// to choose from is put into memory, and one place is read.

/** How many choices of a kind have memory of their own, so that lanes do not wait for one another. */
const COUNT = 8

/** Pairs of places, which values of one block take in turn. */
class Pairs {
  /** Where values of this block lie, by their texts. */
  private readonly known = new Map<string, number>()
  private taken = 0
  private from = 0
  private readonly room: (length: number) => number

  constructor(room: (length: number) => number) {
    this.room = room
  }

  find(what: string): number | undefined {
    return this.known.get(what)
  }

  /** The next pair. What was there is lost. */
  take(what: string): number {
    if (this.taken === 0) this.from = this.room(2 * COUNT)
    const place = this.from + 2 * (this.taken++ % COUNT)
    for (const [before, at] of this.known) if (at === place) this.known.delete(before)
    this.known.set(what, place)
    return place
  }

  /** Forgets what lies there of a value, or all. */
  forget(name?: string): void {
    for (const what of this.known.keys())
      if (name === undefined || what.split(" ").includes(name)) this.known.delete(what)
  }
}

/** The choices of one kernel. `room` finds room in the array `memory`, which is filled with 0. */
export class Picks {
  private readonly values: Pairs
  private readonly sizes: Pairs

  constructor(room: (length: number) => number) {
    this.values = new Pairs(room)
    this.sizes = new Pairs(room)
  }

  /** Says that a block begins or ends: what is in memory may be that of another iteration, or of none. */
  atBorder(): void {
    this.values.forget()
    this.sizes.forget()
  }

  /** Says that an accumulator changes. */
  atUpdate(name: string): void {
    this.values.forget(name)
    this.sizes.forget(name)
  }

  /** One of two values by a condition, after the statements that `write` takes. */
  either(write: (line: string) => void, condition: string, yes: string, no: string): string {
    // Written with a bar: `? 1 : 0` would be the branch that this avoids.
    const second = `(${condition} | 0)`
    const found = this.values.find(`${no} ${yes}`)
    if (found !== undefined) return `memory[${found} + ${second}]`
    const mirrored = this.values.find(`${yes} ${no}`)
    if (mirrored !== undefined) return `memory[${mirrored + 1} - ${second}]`
    const place = this.values.take(`${no} ${yes}`)
    write(`memory[${place}] = ${no}`)
    write(`memory[${place + 1}] = ${yes}`)
    return `memory[${place} + ${second}]`
  }

  /** x where it is above 0 or NaN, or that of -x: the size of x, or the 0 beside it, which nothing writes. */
  relu(write: (line: string) => void, x: string, negated: boolean): string {
    let place = this.sizes.find(x)
    if (place === undefined) {
      place = this.sizes.take(x)
      write(`memory[${place}] = Math_abs(${x})`)
    }
    return `memory[${place} + (${negated ? `0 <= ${x}` : `${x} <= 0`} | 0)]`
  }
}
