// Loops around several nests of loops are a loop around each too, as far as nothing of an iteration ties the nests together.
import { expect, test } from "vitest"
import { gpuProgram } from "../../src/gpu/compile.ts"
import { arranged, planOf } from "../../src/gpu/plan.ts"
import { checkedOf, compile, type Loss } from "../../src/index.ts"
import type { Kernel } from "../../src/loops.ts"
import { ops } from "../../src/ops.ts"
import { layoutOf } from "../../src/run/gpu-layout.js"
import { readSettings } from "../../src/run/settings.ts"
import { verify } from "../../src/run/verify.ts"
import { schedule } from "../../src/schedule.ts"
import * as library from "../../src/stdlib.ts"
import { compute, hasRestBesides } from "../../src/variants.ts"

const ssim = library.ssim as unknown as Loss
const images = ["input", "target"]

function kernelOf(loss: Loss, grad: readonly string[], reduction: "mean" | "none" = "mean"): Kernel {
  const checked = checkedOf(loss)
  const settings = readSettings(checked, { grad, reduction, dtype: "f32", target: "wgsl" })
  const { outputs } = compute(checked, settings, new Set(grad), hasRestBesides(checked))
  return schedule(outputs, { dtype: "f32", owner: true })
}

/** The axes of the loops that are parts of others: those of one loop are joined by stars. */
function parts(kernel: Kernel): string[] {
  const whole = arranged(kernel)
  expect(verify(whole)).toEqual([])
  return planOf(whole).steps.flatMap((step) =>
    step.kind === "rows" && step.loop.way === "parts" ? [step.loop.axis.replaceAll(" ", "*")] : [],
  )
}

test.each(["mean", "none"] as const)("threads go to the pixels of all images: %s", (reduction) => {
  const found = parts(kernelOf(ssim, images, reduction))
  expect(found.filter((axes) => axes.split("*").length === 3)).toHaveLength(4)
})

test("rows whose loops wait for one another stay whole", () => {
  expect(parts(kernelOf(library.crossEntropy as unknown as Loss, ["logits"]))).toEqual([])
  expect(parts(kernelOf(library.infoNce as unknown as Loss, ["q"]))).toEqual([])
  const pixels = compile("loss l[b](x: [c, h, w], y: [c, h, w]) = sum[c, h, w]((x - y)^2) / 2") as Loss
  expect(parts(kernelOf(pixels, ["x"]))).toEqual([])
})

test("few rows are taken in parts, many and those whose parts do not fit whole", () => {
  const program = gpuProgram(kernelOf(ssim, images))
  const evals = Object.fromEntries(Object.entries(ops).map(([name, { eval: f }]) => [name, f]))
  const ways = (b: number, bytes = 2 ** 27): ReadonlySet<string | undefined> => {
    const sizes = program.sizeNames.map((name) => ({ b, c: 3, h: 40, w: 40 })[name]!)
    const limits = { maxStorageBufferBindingSize: bytes, maxComputeWorkgroupsPerDimension: 65535 }
    const { runs } = layoutOf(
      program,
      sizes,
      program.scalars.map(() => 1),
      evals,
      limits,
    )
    return new Set(runs.map(({ dispatch }) => program.dispatches[dispatch]!.way))
  }
  expect(ways(8)).toEqual(new Set([undefined, "parts"]))
  expect(ways(8, 2 ** 20)).toEqual(new Set([undefined, "rows"]))
  expect(ways(program.fewRows + 1)).toEqual(new Set([undefined, "rows"]))
})
