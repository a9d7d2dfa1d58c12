// The ordinary numbers of the interpreter: doubles, with the operators as the table defines them.
import { ops } from "../ops.ts"
import type { Numbers } from "./interpret.ts"
import { sorted } from "./sorted.ts"

const { exp, log } = Math

/** Doubles. A reduction is a plain loop, and logsumexp is shifted by the largest value. */
export const doubles: Numbers<number> = {
  of: (value) => value,
  real: (value) => value,
  apply: (op, args) => {
    const { eval: apply } = ops[op]
    // Calls with so many arguments as the operator has are several times faster than a spread.
    return args.length === 1
      ? apply(args[0]!)
      : args.length === 2
        ? apply(args[0]!, args[1]!)
        : apply(...args)
  },
  fold: {
    sum: (values) => values.reduce((x, y) => x + y),
    prod: (values) => values.reduce((x, y) => x * y),
    max: (values) => values.reduce((x, y) => (x !== x || x > y ? x : y)),
    min: (values) => values.reduce((x, y) => (x !== x || x < y ? x : y)),
    logsumexp: (values) => {
      const most = values.reduce((x, y) => (x !== x || x > y ? x : y))
      if (most === -Infinity || most === Infinity) return most
      return most + log(values.reduce((total, x) => total + exp(x - most), 0))
    },
  },
  sort: sorted,
}
