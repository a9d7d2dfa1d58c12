// Places in arrays as sums of products of values, and arithmetic with them.

/** A product: a literal and the numbers of values, sorted. */
export interface Product {
  readonly times: number
  readonly factors: readonly number[]
}
export type Sum = readonly Product[]

export const ONE: Product = { times: 1, factors: [] }
export const constant = (value: number): Sum => (value === 0 ? [] : [{ times: value, factors: [] }])
export const keyOf = ({ factors }: Product): string => factors.join()

export function add(x: Sum, y: Sum, sign: 1 | -1 = 1): Sum {
  const out = new Map<string, Product>(x.map((term) => [keyOf(term), term]))
  for (const term of y) {
    const times = (out.get(keyOf(term))?.times ?? 0) + sign * term.times
    if (times === 0) out.delete(keyOf(term))
    else out.set(keyOf(term), { ...term, times })
  }
  return [...out.values()]
}

export const product = (x: Product, y: Product): Product => ({
  times: x.times * y.times,
  factors: [...x.factors, ...y.factors].sort((a, b) => a - b),
})

export const multiply = (x: Sum, y: Sum): Sum =>
  x.flatMap((a) => y.map((b) => product(a, b))).reduce<Sum>((sum, term) => add(sum, [term]), [])

/** x / y where it is a product again. */
export function quotient(x: Product, y: Product): Product | undefined {
  const factors = [...x.factors]
  for (const f of y.factors) {
    const at = factors.indexOf(f)
    if (at < 0) return undefined
    factors.splice(at, 1)
  }
  const times = x.times / y.times
  return Number.isInteger(times) && times > 0 ? { times, factors } : undefined
}

/** Whether a product, or what is subtracted, is a multiple of another. */
export const isMultiple = (x: Product, of: Product): boolean =>
  quotient({ ...x, times: Math.abs(x.times) }, of) !== undefined

export const sameSum = (x: Sum, y: Sum): boolean => add(x, y, -1).length === 0
