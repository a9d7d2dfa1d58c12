// How far two sides of the comparison are apart, and whether that is rounding.

/** A loss and its gradients by name. */
export interface Answer {
  readonly loss: number
  readonly grad: Readonly<Record<string, ArrayLike<number>>>
}

/** The largest difference in the loss, as a part of it, and in the gradients, as a part of the largest element of each. */
export interface Apart {
  readonly loss: number
  readonly gradient: number
}

/** What sides that sum in double precision may differ by: single precision elsewhere, in CTC of logarithms that are hundreds. */
export const rounding: Apart = { loss: 1e-6, gradient: 5e-5 }

/** NaN where one side has NaN. */
export function apart(wanted: Answer, found: Answer): Apart {
  let gradient = 0
  for (const [name, of] of Object.entries(wanted.grad)) {
    const by = found.grad[name]
    if (by?.length !== of.length)
      throw new Error(`the gradient of ${name} has ${by?.length} elements, not ${of.length}`)
    let largest = 0
    let difference = 0
    for (let i = 0; i < of.length; i++) {
      largest = Math.max(largest, Math.abs(of[i]!))
      difference = Math.max(difference, Math.abs(of[i]! - by[i]!))
    }
    gradient = Math.max(gradient, difference / largest)
  }
  return { loss: Math.abs(wanted.loss - found.loss) / Math.abs(wanted.loss), gradient }
}

/** Throws if two sides do not compute the same: if they are farther apart than `most`. */
export function agree(what: string, wanted: Answer, found: Answer, most: Apart): Apart {
  const by = apart(wanted, found)
  if (!(by.loss <= most.loss && by.gradient <= most.gradient))
    throw new Error(
      `${what}: the loss is ${found.loss}, not ${wanted.loss}; gradients differ by ${by.gradient.toExponential(1)} of their largest element`,
    )
  return by
}
