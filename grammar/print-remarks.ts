// Comments -> documents: those of a node are printed around it.
import type { Comment } from "./ast.ts"
import { type Doc, hardline, remark, trailing } from "./layout.ts"
import type { Above, Anchor, Remarks } from "./remarks.ts"

/** What prints nodes with the comments that belong to them. */
export class RemarkPrinter {
  protected readonly remarks: Remarks

  constructor(remarks: Remarks) {
    this.remarks = remarks
  }

  /** A node with the comments that belong to it. */
  protected remarked(node: Anchor, doc: Doc): Doc {
    return [this.above(node), doc, this.behind(node)]
  }

  protected above(node: Anchor): Doc {
    return remarkLines(this.remarks.above.get(node) ?? [])
  }

  protected behind(node: Anchor): Doc {
    const comment = this.remarks.behind.get(node)
    return comment ? trailing(written(comment)) : ""
  }

  protected docs(docs: readonly Comment[]): Doc {
    return docs.map(({ text }) => remark(`/// ${text}`.trimEnd()))
  }
}

/** Comments that stand on lines of their own. */
export function remarkLines(remarks: readonly Above[]): Doc {
  return remarks.map(({ comment, gap }) => [remark(written(comment)), gap ? hardline : ""])
}

/** A comment that documents nothing is an ordinary one, however it was written. */
function written(comment: Comment): string {
  return `// ${comment.text}`.trimEnd()
}
