// The tools to test losses with, in any runner: gradients against differences, and inputs as fast-check draws them.
export { gradcheck } from "./testing/gradcheck.ts"
export type { GradcheckFailure, GradcheckOptions, GradcheckResult } from "./testing/gradcheck.ts"
export { arbitraryInputs } from "./testing/arbitraries.ts"
export type { ArbitraryOptions } from "./testing/arbitraries.ts"
