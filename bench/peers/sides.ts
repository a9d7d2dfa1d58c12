// The sides of the comparison that run in Node, by name.
import { byHand, generated, type Side, type Way } from "../generated.ts"
import type { Row } from "../rows.ts"
import { jax } from "./jax.ts"
import { tensorflow } from "./tensorflow.ts"

/** Calls on the data of one row. */
export interface Calls {
  /** One call, with everything that its user waits for; the loss. */
  readonly run: () => number
  /** The gradients of the last call, in the order of the row. */
  readonly grad: () => readonly Float32Array[]
  /** One word about how they run, where that differs among rows. */
  readonly note?: string
}

export interface Peer {
  /** Makes a side for the rows of a loss. `folder` is where libraries are installed. */
  readonly prepare: (row: Row, folder: string) => Promise<(row: Row) => Calls>
  readonly clock: "processor" | "wall"
}

const calls = ({ run, out }: Side): Calls => ({ run, grad: () => Object.values(out) })

const lossc = (way: Way, clock: Peer["clock"] = "processor"): Peer => ({
  clock,
  prepare: async (row) => {
    const make = generated(row, way)
    return (of) => calls(make(of))
  },
})

export const peers: Readonly<Record<string, Peer>> = {
  hand: { clock: "processor", prepare: async () => (row) => calls(byHand(row)) },
  js: lossc({ target: "js" }),
  wasm: lossc({ target: "wasm" }),
  threads: lossc({ target: "wasm", threads: 2 }, "wall"),
  relaxed: lossc({ target: "wasm", relaxed: true }),
  jax: { clock: "processor", prepare: jax },
  tensorflow: { clock: "processor", prepare: tensorflow },
}
