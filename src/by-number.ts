// A map from the numbers of values.

/** What is known of values, by their numbers, which follow one another: a `Map` of thousands of them takes longer to grow. */
export class ByNumber<V> {
  private readonly list: (V | undefined)[] = []

  get(id: number): V | undefined {
    return this.list[id]
  }

  set(id: number, value: V): void {
    while (this.list.length <= id) this.list.push(undefined)
    this.list[id] = value
  }

  delete(id: number): void {
    if (id < this.list.length) this.list[id] = undefined
  }

  forEach(visit: (value: V, id: number) => void): void {
    this.list.forEach((value, id) => {
      if (value !== undefined) visit(value, id)
    })
  }
}
