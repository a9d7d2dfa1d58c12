// What the library says about its losses, read from their comments without compiling them.
import { parse } from "../../grammar/parser.ts"
import { type LibraryLoss, libraryLosses, libraryTexts } from "../stdlib.generated.ts"
import { type Comment, readComment } from "./comment.ts"

/** A loss of the library, before it is compiled. */
export type Listed = LibraryLoss & Pick<Comment, "source" | "torch" | "examples">

/** Every loss of the library by name. */
export function listLibrary(): readonly Listed[] {
  const docs = new Map(
    Object.entries(libraryTexts).flatMap(([name, text]) =>
      parse({ name, text }).file.declarations.flatMap((one) =>
        one.kind === "loss" ? [[one.name.name, one.docs.map((line) => line.text).join("\n")] as const] : [],
      ),
    ),
  )
  return libraryLosses.map((loss) => {
    const { source, torch, examples } = readComment(docs.get(loss.name)!)
    return { ...loss, source, torch, examples }
  })
}
