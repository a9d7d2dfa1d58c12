// Blocks so small that loops over few rows have several.
import type { BlockSizes } from "../src/blocks/cut.ts"

export const tinyBlocks: BlockSizes = {
  elements: 2,
  rows: 2,
  together: 2,
  many: 16,
  worth: 0,
  copied: 2 ** 22,
}
