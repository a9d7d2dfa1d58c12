/** A token that does not fit -> what to say about it. */

import { EOF, type IParserErrorMessageProvider, type IToken, type TokenType } from "chevrotain"
import type { ParseCode } from "../src/catalogue/parse.ts"
import { quote } from "../src/diagnostics.ts"
import * as t from "./tokens.ts"

/** What is wrong, without the place. */
export interface Problem {
  readonly code: ParseCode
  readonly message: string
  readonly help?: string | undefined
}

/** Words of other languages, which are names here and so never stand next to an operand. */
const strangeWords: ReadonlyMap<string, Problem> = new Map(
  Object.entries<Problem>({
    for: {
      code: "comprehension",
      message: "there is no `for`",
      help: "bind the index in brackets: `sum[j in b](…)`",
    },
    while: { code: "comprehension", message: "there is no `while`", help: "write `fold[t](state = …) => …`" },
    return: { code: "return", message: "there is no `return`: the body is the value", help: "leave it out" },
    lambda: lambda("lambda"),
    fn: lambda("fn"),
    function: lambda("function"),
    elif: elif("elif"),
    elseif: elif("elseif"),
    elsif: elif("elsif"),
    var: binding("var"),
    const: binding("const"),
    val: binding("val"),
    mod: { code: "foreign-operator", message: "`mod` is a function", help: "write `mod(a, b)`" },
    div: { code: "foreign-operator", message: "`div` is a function", help: "write `div(a, b)`" },
    xor: { code: "foreign-operator", message: "there is no `xor`", help: "write `a != b`" },
    is: { code: "foreign-operator", message: "`is` is written `==` here", help: "write `==`" },
  }),
)

function lambda(word: string): Problem {
  return {
    code: "lambda",
    message: `${quote(word)}: there are no function values`,
    help: "name the function: `let f(x) = … in …`",
  }
}

function elif(word: string): Problem {
  return { code: "elif", message: `${quote(word)} is written \`else if\` here`, help: "write `else if`" }
}

function binding(word: string): Problem {
  return {
    code: "binding-word",
    message: `${quote(word)} is written \`let\` here`,
    help: "write `let name = … in …`",
  }
}

/** What to say about a word of another language that stands where it cannot. */
export function strangeWord(token: IToken): Problem | undefined {
  return token.tokenType === t.Name ? strangeWords.get(token.image) : undefined
}

/** How a token is called in a message. */
export function described(token: IToken): string {
  return token.tokenType === EOF ? "the end of the declaration" : quote(token.image)
}

/** Tokens that are never right here, whatever was expected. */
export function strange(found: IToken): Problem | undefined {
  switch (found.tokenType) {
    case t.FatArrow:
    case t.ThinArrow:
      return lambda(found.image)
    case t.LBrace:
    case t.RBrace:
      return {
        code: "brace",
        message: "there are no braces",
        help: "group with parentheses; a body follows `=`, a branch follows `then` or `else`",
      }
    case t.Question:
      return { code: "ternary", message: "there is no `? :`", help: "write `if c then a else b`" }
    case t.Semicolon:
      return { code: "extra-semicolon", message: "nothing ends with `;`", help: "leave it out" }
    case t.Where:
      return tailInside("where")
    case t.Def:
      return localDeclaration("def")
    case t.Name:
      return strangeWords.get(found.image)
    case t.Assign:
      return {
        code: "assignment",
        message: `${quote(found.image)}: nothing is assigned here`,
        help: "a name is given with `=`, in a `let`",
      }
    default:
      return undefined
  }
}

/** A tail anywhere but at the end of a loss. */
export function tailInside(word: string): Problem {
  const help =
    word === "where"
      ? "for one value use `if`, for a sum its filter: `sum[j if …](…)`"
      : "divide by the weight instead"
  return {
    code: "tail-inside",
    message: `${quote(word)} stands at the end of a loss, outside parentheses`,
    help,
  }
}

/** A definition inside a body, which has no mark where it would end. */
export function localDeclaration(word: string): Problem {
  const help = word === "def" ? "write `let f(x) = … in`" : "write `let axis s = … in`"
  return { code: "local-declaration", message: `a local ${quote(word)} is written in a \`let\``, help }
}

/** Two expressions side by side. */
export function beside(previous: IToken, found: IToken): Problem {
  const special = strangeWord(previous) ?? strange(found)
  if (special) return special
  if (found.image === "per" || found.image === "norm") return tailInside(found.image)
  if (previous.image === "axis" && found.tokenType === t.Name) return localDeclaration("axis")
  if (found.tokenType === t.IfWord)
    return {
      code: "ternary",
      message: "a condition stands in front of its values",
      help: "write `if c then a else b`",
    }
  const help =
    previous.tokenType === t.NumberToken
      ? `write \`${previous.image} * ${found.tokenType === t.LParen ? "(…)" : found.image}\``
      : "put an operator between them"
  return {
    code: "missing-operator",
    message: `two expressions side by side: ${quote(previous.image)} ${quote(found.image)}`,
    help,
  }
}

/** A word of the language where a name should be. */
export function reservedWord(found: IToken): Problem {
  return {
    code: "reserved-word",
    message: `${quote(found.image)} is a word of the language and cannot be a name here`,
    help: `write another name, such as \`${found.image}_\``,
  }
}

/** Whether an operand can begin with this token. */
export function startsOperand({ tokenType }: IToken): boolean {
  return operandStarts.has(tokenType)
}

const operandStarts = new Set<TokenType>([
  ...[t.Name, t.NumberToken, t.Text, t.True, t.False, t.LParen],
  ...[t.LetWord, t.IfWord, t.FoldWord, t.Scan],
])

function isReserved(token: IToken): boolean {
  return t.reserved.has(token.image)
}

const headers = new Set(["loss", "def"])
const nameLists = new Set(["loss", "def", "axes", "members", "argument", "binding", "let", "fold", "state"])

function mismatch(expected: TokenType, found: IToken, previous: IToken, rule: string): Problem {
  if (expected === t.Name) return expectedName(found, previous)
  if (expected === t.Equal) return expectedEqual(found, previous, rule)
  if (rule === "members" && found.tokenType === t.NumberToken) return axisNumber()
  if (previous.tokenType === t.Text && (found.tokenType === t.OrOr || found.tokenType === t.Or))
    return choiceBar(found)
  const afterOpener = [t.LParen, t.LBracket, t.Comma, t.Semicolon].includes(previous.tokenType)
  if (found.tokenType === t.Comma) return extraComma()
  if (afterOpener && rule === "callArguments") return expectedExpression(found, previous)
  if (afterOpener && nameLists.has(rule) && found.tokenType !== t.Semicolon)
    return expectedName(found, previous)
  if (found.tokenType === t.Semicolon && headers.has(rule)) {
    const message =
      rule === "def" ? "a `def` has no options: all its arguments are alike" : "a header has one `;`"
    return { code: "extra-semicolon", message, help: "write `,`" }
  }
  const special = strange(found)
  if (special) return special
  if (expected === t.RBracket && found.tokenType === t.Colon)
    return {
      code: "position-index",
      message: "axes are named, not sliced",
      help: "write `x[c = first + i]` with `let axis i = …`",
    }
  if (t.endsOperand(previous) && startsOperand(found) && expected !== t.LParen && expected !== t.LBracket) {
    return beside(previous, found)
  }
  return expectedToken(spelled(expected), found, previous)
}

/** How a kind of token is called where it was expected. */
function spelled(type: TokenType): string {
  return type === t.Text ? "a text in double quotes" : quote(type.LABEL ?? type.name)
}

function choiceBar(found: IToken): Problem {
  const message = `${quote(found.image)} is written \`|\` between the members of a choice`
  return { code: "foreign-operator", message, help: "write `|`" }
}

function expectedName(found: IToken, previous: IToken): Problem {
  if (isReserved(found)) return reservedWord(found)
  if (
    found.tokenType === t.NumberToken &&
    (previous.tokenType === t.LBracket || previous.tokenType === t.Comma)
  ) {
    return axisNumber()
  }
  return {
    code: "expected-name",
    message: `expected a name after ${described(previous)}, found ${described(found)}`,
  }
}

function expectedEqual(found: IToken, previous: IToken, rule: string): Problem {
  if (headers.has(rule)) {
    return {
      code: "missing-equals",
      message: `expected \`=\` and the body, found ${described(found)}`,
      help: "the body follows `=`",
    }
  }
  if (found.tokenType === t.Assign || found.tokenType === t.EqualEqual) {
    return {
      code: "assignment",
      message: `a name is given with \`=\`, found ${quote(found.image)}`,
      help: "write `=`",
    }
  }
  const problem = expectedToken("`=`", found, previous)
  return found.tokenType === t.Colon
    ? { ...problem, help: "what a `let` names has no type of its own" }
    : problem
}

/** The general case. */
export function expectedToken(expected: string, found: IToken, previous: IToken): Problem {
  const after = previous.tokenType === EOF ? "" : ` after ${described(previous)}`
  return { code: "expected-token", message: `expected ${expected}${after}, found ${described(found)}` }
}

/** A comma with nothing between it and the one before, or the bracket. */
export function extraComma(): Problem {
  return {
    code: "extra-comma",
    message: "there is nothing between this comma and what is before it",
    help: "leave it out",
  }
}

/** A size where an axis name should be. */
export function axisNumber(): Problem {
  return {
    code: "axis-number",
    message: "an axis has a name; its size comes from the data",
    help: "write a name: `[d]`",
  }
}

function noAlternative(found: IToken, previous: IToken, rule: string): Problem {
  if (rule === "axis" || rule === "binder" || rule === "entry") return expectedName(found, previous)
  if (rule === "binding") return expectedEqual(found, previous, rule)
  if (rule === "type" || rule === "scalar") {
    return {
      code: "expected-type",
      message: `expected a type after ${described(previous)}, found ${described(found)}`,
      help: "a type is `real`, `int`, `bool`, `index c`, axes such as `[c]`, or a choice of texts",
    }
  }
  if (rule !== "primary") return strange(found) ?? expectedToken("something else", found, previous)
  return expectedExpression(found, previous)
}

function expectedExpression(found: IToken, previous: IToken): Problem {
  const never = found.tokenType !== t.Where && found.tokenType !== t.Semicolon ? strange(found) : undefined
  if (never) return never
  if (previous.tokenType === t.Equal && found.tokenType === t.Equal)
    return { code: "equality", message: "equality is one word: `==`", help: "write `==`" }
  // `f(if)`: a word of the language that cannot begin an expression was meant as a name.
  if (
    isReserved(found) &&
    (t.reserved.get(found.image) === t.LossWord || t.reserved.get(found.image) === t.UseWord)
  ) {
    return reservedWord(found)
  }
  const after = previous.tokenType === EOF ? "" : ` after ${described(previous)}`
  return { code: "expected-expression", message: `expected an expression${after}, found ${described(found)}` }
}

/** What to say when a declaration is complete and something follows. */
export function leftOver(found: IToken, previous: IToken, rule: string): Problem {
  if (found.tokenType === t.LossWord || found.tokenType === t.UseWord) {
    const what = found.tokenType === t.UseWord ? "a path in double quotes" : "a name"
    return { code: "expected-name", message: `expected ${what} after ${quote(found.image)}` }
  }
  if (rule === "use") {
    return {
      code: "expected-declaration",
      message: `expected \`loss\`, \`def\` or \`use\`, found ${described(found)}`,
    }
  }
  const special = strange(found)
  if (special) return special
  if (found.tokenType === t.Comma) return extraComma()
  if (startsOperand(found) && t.endsOperand(previous)) return beside(previous, found)
  return expectedToken("an operator or the end of the declaration", found, previous)
}

/** chevrotain wants one text per error; it is decoded where the error is reported. */
export const provider: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, actual, previous, ruleName }) =>
    JSON.stringify(mismatch(expected, actual, previous, ruleName)),
  // What was read last is not known here: the parser asks `leftOver` itself.
  buildNotAllInputParsedMessage: () => "",
  buildNoViableAltMessage: ({ actual, previous, ruleName }) =>
    JSON.stringify(noAlternative(actual[0]!, previous, ruleName)),
  buildEarlyExitMessage: ({ actual, previous }) => JSON.stringify(expectedExpression(actual[0]!, previous)),
}
