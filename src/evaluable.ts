// Outputs -> outputs for a target that evaluates expressions: tiny losses and the entries at labels keep their digits there
// as they do in kernels.
import { expander } from "./expand.ts"
import type { Expr } from "./ir.ts"
import type { OutputArray, Outputs } from "./loss.ts"
import { rewriter } from "./simplify.ts"
import { type Store, split } from "./split.ts"

/** The same values, with logsumexp as a maximum and the rest, and each pinned entry chosen by a selection. */
export function evaluable(outputs: Outputs): Outputs {
  const { core } = outputs
  const expand = expander(core, false)
  const finish = rewriter(core, "finish")
  const stores = new Map<string, Store[]>()
  for (const store of split(outputs, finish))
    stores.set(store.name, [...(stores.get(store.name) ?? []), store])
  const whole = ({ name, axes }: OutputArray): OutputArray => {
    const [dense, ...pinned] = stores.get(name)!
    const value = pinned.reduce((rest: Expr, { pin, filter, value }) => {
      const here = core.op("and", filter, core.op("eq", pin!.axis, pin!.at))
      return core.op("select", here, value, rest)
    }, dense!.value)
    return { name, axes, value: expand(value) }
  }
  return {
    ...outputs,
    scalars: outputs.scalars.map((s) => ({ ...s, value: expand(finish(s.value)) })),
    arrays: outputs.arrays.map(whole),
  }
}
