// Turns the gradients among the outputs of a kernel into Hessian-vector products: a gradient is ordinary core, so the derivative
// of its product with a direction is the product of the second derivatives with that direction.
import { grad } from "./grad.ts"
import type { Expr } from "./ir.ts"
import type { Outputs } from "./loss.ts"
import { reduce } from "./sums.ts"
import type { Input } from "./types.ts"

/** Outputs with products, and the inputs that hold the directions, by name of the argument. */
export interface Products {
  readonly outputs: Outputs
  readonly directions: ReadonlyMap<string, Input>
}

/** The prefix of the names of products among the outputs; no argument has a colon in its name. */
export const productPrefix = "hvp:"

/**
 * Adds a product for each of the arguments: along the directions of all of them together. `outputs` must have the gradients by
 * the arguments; those whose names are not in `keep` are left out of the result. `rows` says that the first array holds the
 * losses of the rows.
 */
export function withProducts(
  outputs: Outputs,
  wrt: readonly Input[],
  keep: ReadonlySet<string>,
  rows: boolean,
): Products {
  const { core } = outputs
  const directions = new Map<string, Input>()
  let total: Expr = core.zero
  for (const input of wrt) {
    const { name, dimensions } = input
    const direction: Input = {
      name: `direction:${name}`,
      type: "real",
      role: "shared",
      dimensions,
      isStatic: false,
    }
    directions.set(name, direction)
    const array = outputs.arrays.findLast((one) => one.name === name && dimensions.length > 0)
    const scalar = outputs.scalars.find((one) => one.name === `grad:${name}`)
    const term = array
      ? reduce(
          core,
          "sum",
          array.axes,
          core.true,
          core.op("mul", array.value, core.load(direction, array.axes)),
        )
      : core.op("mul", scalar!.value, core.load(direction))
    total = core.op("add", total, term)
  }
  const names = new Set(wrt.map((input) => input.name))
  const dropped = (name: string): boolean => names.has(name) && !keep.has(name)
  const arrays = outputs.arrays.filter(({ name }, i) => (rows && i === 0) || !dropped(name))
  const scalars = outputs.scalars.filter(({ name }) => !(name.startsWith("grad:") && dropped(name.slice(5))))
  for (const [input, { axes, value }] of grad(core, total, core.one, wrt)) {
    if (axes.length > 0) arrays.push({ name: productPrefix + input.name, axes, value })
    else scalars.push({ name: `grad:${productPrefix}${input.name}`, value })
  }
  return {
    outputs: { ...outputs, arrays, scalars, inputs: [...outputs.inputs, ...directions.values()] },
    directions,
  }
}
