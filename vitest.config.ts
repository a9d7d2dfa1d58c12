// How the tests run: the grouping shim for Node 20, the library's texts generated first, `lossc` resolved to the sources.
import "./vitest.setup.ts"
import { defineConfig } from "vitest/config"
import { writeLibrary } from "./stdlib/build.mjs"

writeLibrary()

const source = (path: string): string => new URL(path, import.meta.url).pathname

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
    testTimeout: 60_000,
    passWithNoTests: true,
  },
})
