// How the tests run: the grouping shim for Node 20, the library's texts generated first, `lossc` resolved to the sources.
import "./vitest.setup.ts"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import { writeLibrary } from "./stdlib/build.mjs"

writeLibrary()

const source = (path: string): string => new URL(path, import.meta.url).pathname

/** Files that take minutes, longest first: a worker that begins one of them last would work alone. */
const longest = [
  "gpu/library",
  "library-gradients",
  "gpu/validate",
  "oracle/oracle",
  "gpu/random",
  "library-targets",
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
      return at < 0 ? longest.length : at
    }
    return (await super.sort(files)).sort((x, y) => rank(x) - rank(y))
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^lossc$/, replacement: source("./src/index.ts") },
      { find: /^lossc\/(stdlib|testing)$/, replacement: source("./src/") + "$1.ts" },
    ],
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    setupFiles: ["./vitest.setup.ts"],
    // The default leaves one core for a process that hardly works.
    maxWorkers: "100%",
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    passWithNoTests: true,
  },
})
