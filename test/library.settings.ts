// Settings with which generated tests make kernels of library losses.
import type { Loss } from "../src/index.ts"

/** Static options that leave room for small inputs, by loss. */
export const small: Readonly<Record<string, Record<string, number>>> = {
  sinkhorn: { nIter: 4 },
  sinkhornDivergence: { nIter: 3 },
  ssim: { winSize: 2 },
  msSsim3: { winSize: 1 },
  msSsim: { winSize: 1 },
}

/** The words of every choice of a loss, one static setting after another. */
export function librarySettings(loss: Loss): Record<string, string | number>[] {
  const choices = loss.inputs.filter((input) => input.choices)
  const longest = Math.max(1, ...choices.map((input) => input.choices!.length))
  return Array.from({ length: longest }, (_, turn) =>
    Object.fromEntries([
      ...Object.entries(small[loss.name] ?? {}),
      ...choices.map((input) => [input.name, input.choices![turn % input.choices!.length]!] as const),
    ]),
  )
}
