// Values chosen by a comparison -> JavaScript without a branch, which random numbers would mispredict every other time: what
// there is to choose from is put into memory, and one place is read.

/** How many choices of a kind have memory of their own, so that lanes do not wait for one another. */
const COUNT = 8

type Write = (line: string) => void

/** Groups of places, which values of one block take in turn. */
class Groups {
  /** Where values of this block lie, by their texts. */
  private readonly known = new Map<string, number>()
  private taken = 0
  private start: number | undefined
  private readonly size: number
  private readonly room: (length: number) => number

  constructor(size: number, room: (length: number) => number) {
    this.size = size
    this.room = room
  }

  find(what: string): number | undefined {
    return this.known.get(what)
  }

  /** The next group. What was there is lost. */
  take(what: string): number {
    this.start ??= this.room(this.size * COUNT)
    const place = this.start + this.size * (this.taken++ % COUNT)
    for (const [before, at] of this.known) if (at === place) this.known.delete(before)
    this.known.set(what, place)
    return place
  }

  /** Forgets what lies there of a value, or all. */
  forget(name?: string): void {
    for (const what of this.known.keys())
      if (name === undefined || what.split(" ").includes(name)) this.known.delete(what)
  }

  /** Where all groups lie, if any was taken. */
  get all(): readonly [number, number] | undefined {
    return this.start === undefined ? undefined : [this.start, this.start + this.size * COUNT]
  }
}

/** The choices of one kernel. `room` finds room in the array `memory`, which is filled with 0. */
export class Picks {
  private readonly values: Groups
  private readonly sizes: Groups
  private readonly extremes: Groups

  constructor(room: (length: number) => number) {
    this.values = new Groups(2, room)
    this.sizes = new Groups(2, room)
    this.extremes = new Groups(4, room)
  }

  /** The statements that prepare the memory. */
  head(): string[] {
    const { all } = this.extremes
    return all ? [`memory.fill(NaN, ${all.join(", ")})`] : []
  }

  /** Says that a block begins or ends: what is in memory may be that of another iteration, or of none. */
  atBorder(): void {
    for (const groups of [this.values, this.sizes, this.extremes]) groups.forget()
  }

  /** Says that an accumulator changes. */
  atUpdate(name: string): void {
    for (const groups of [this.values, this.sizes, this.extremes]) groups.forget(name)
  }

  /** One of two values by a condition, after the statements that `write` takes. */
  either(write: Write, condition: string, yes: string, no: string): string {
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
  relu(write: Write, x: string, negated: boolean): string {
    let place = this.sizes.find(x)
    if (place === undefined) {
      place = this.sizes.take(x)
      write(`memory[${place}] = Math_abs(${x})`)
    }
    return `memory[${place} + (${negated ? `0 <= ${x}` : `${x} <= 0`} | 0)]`
  }

  /** The larger or the smaller value, of 0 and -0 either: four places for x > y, x = y, neither (always NaN), x < y. */
  extreme(write: Write, op: "max" | "min", x: string, y: string): string {
    const place = this.extremes.find(`${op} ${x} ${y}`) ?? this.extremes.take(`${op} ${x} ${y}`)
    const [above, other] = op === "max" ? [x, y] : [y, x]
    write(`memory[${place}] = ${above}`)
    write(`memory[${place + 1}] = ${other}`)
    write(`memory[${place + 3}] = ${other}`)
    return `memory[${place} + (${x} <= ${y} | 0) + 2 * ((${x} >= ${y} | 0) ^ 1)]`
  }
}
