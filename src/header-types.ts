// The types of a loss from the text of its header, at the type level: source string -> names, inputs, options.
//
// Only headers are read, never bodies, and nothing here reports a mistake in the text: what cannot be read gets the loose
// types, and the compiler explains. Comments go first (a doc comment may contain the word `loss`), then line breaks, then
// everything in brackets, so that only the commas between arguments are left.

/** One argument of a header. */
export interface Argument {
  readonly name: string
  readonly kind: "real" | "int" | "index" | "bool" | "choice"
  /** Whether it has axes of its own. */
  readonly array: boolean
  readonly shared: boolean
  /** Whether it stands behind the semicolon. */
  readonly option: boolean
  readonly static: boolean
  /** Whether it has a default. */
  readonly optional: boolean
  /** The words of a choice. */
  readonly words: string
}

/** The union of the headers of a source; never if there is none that can be read, string if the text is not known. */
export type HeadersOf<S extends string> = string extends S ? never : Headers<OneLine<NoComments<` ${S}`>>>

// ------------------------------------------------------------------------------------------------ text

type Space = " " | "\t" | "\r"
type Trim<S extends string> = S extends `${Space}${infer R}`
  ? Trim<R>
  : S extends `${infer R}${Space}`
    ? Trim<R>
    : S

type NoComments<S extends string, Out extends string = ""> = S extends `${infer A}//${infer B}`
  ? B extends `${string}\n${infer C}`
    ? NoComments<C, `${Out}${A} `>
    : `${Out}${A}`
  : `${Out}${S}`

// Four lines a step: the depth of a recursion is limited.
type OneLine<
  S extends string,
  Out extends string = "",
> = S extends `${infer A}\n${infer B}\n${infer C}\n${infer D}\n${infer E}`
  ? OneLine<E, `${Out}${A} ${B} ${C} ${D} `>
  : `${Out}${LastLines<S>}`
type LastLines<S extends string> = S extends `${infer A}\n${infer B}` ? LastLines<`${A} ${B}`> : S

type NoBrackets<S extends string, Out extends string = ""> = S extends `${infer A}[${string}]${infer B}`
  ? NoBrackets<B, `${Out}${A}#`>
  : `${Out}${S}`

/** The text between an opening parenthesis that is gone and the one that closes it; what is in parentheses inside becomes `@`. */
type Inside<S extends string> = S extends `${infer A})${infer B}`
  ? A extends `${string}(${string}`
    ? Inside<`${DropLast<A>}@${B}`>
    : A
  : never
/** The text before the last opening parenthesis. */
type DropLast<S extends string, Out extends string = ""> = S extends `${infer A}(${infer B}`
  ? B extends `${string}(${string}`
    ? DropLast<B, `${Out}${A}(`>
    : `${Out}${A}`
  : `${Out}${S}`

type Replace<
  S extends string,
  Old extends string,
  New extends string,
  Out extends string = "",
> = S extends `${infer A}${Old}${infer B}` ? Replace<B, Old, New, `${Out}${A}${New}`> : `${Out}${S}`
/** Bounds without their `=`: one that is left starts a default. */
type NoBounds<S extends string> = Replace<Replace<Replace<S, ">=", ">">, "<=", "<">, "!=", "<">

type Before<S extends string, End extends string> = S extends `${infer A}${End}${string}` ? A : S

// ------------------------------------------------------------------------------------------------ headers

type Headers<S extends string, Out = never> = S extends `${string} loss ${infer R}`
  ? Headers<` ${R}`, Out | HeaderOf<Before<R, " loss ">>>
  : Out

type HeaderOf<S extends string> =
  NoBrackets<S> extends `${infer Name}(${infer R}`
    ? Inside<R> extends infer A extends string
      ? {
          name: Trim<Before<Name, "#">>
          batch: Name extends `${string}#${string}` ? true : false
          arguments: A extends `${infer I};${infer P}`
            ? Arguments<I, false> | Arguments<P, true>
            : Arguments<A, false>
        }
      : never
    : never

type Arguments<S extends string, IsOption extends boolean, Out = never> = S extends `${infer A},${infer B}`
  ? Arguments<B, IsOption, Out | Parse<Trim<A>, IsOption>>
  : Out | Parse<Trim<S>, IsOption>

type Parse<S extends string, IsOption extends boolean> = S extends ""
  ? never
  : S extends `shared ${infer R}`
    ? One<Trim<R>, NoBounds<R>, IsOption, true, false>
    : S extends `static ${infer R}`
      ? One<Trim<R>, NoBounds<R>, IsOption, false, true>
      : One<S, NoBounds<S>, IsOption, false, false>

type One<
  S extends string,
  Bare extends string,
  IsOption extends boolean,
  IsShared extends boolean,
  IsStatic extends boolean,
> = {
  name: NameOf<S>
  kind: KindOf<TypeOf<Bare>>
  array: TypeOf<Bare> extends `${string}#${string}` ? true : false
  shared: IsShared
  option: IsOption
  static: IsStatic extends true ? true : KindOf<TypeOf<Bare>> extends "choice" ? true : false
  optional: Bare extends `${string}=${string}` ? true : false
  words: Words<TypeOf<Bare>>
}

type NameOf<S extends string> = Before<
  Before<Before<Before<Before<Before<S, ":">, "=">, " ">, "<">, ">">,
  "!"
>

/** The type as written, without domain and default. */
type TypeOf<S extends string> = S extends `${string}:${infer T}`
  ? Before<Before<Before<Before<T, "=">, "<">, ">">, " in ">
  : ""

type KindOf<T extends string> = T extends `${string}"${string}`
  ? "choice"
  : Before<Replace<T, "#", "">, "?"> extends infer K extends string
    ? Trim<K> extends `index${string}`
      ? "index"
      : Trim<K> extends "int"
        ? "int"
        : Trim<K> extends "bool"
          ? "bool"
          : "real"
    : never

type Words<T extends string> = T extends `${string}"${infer W}"${infer R}` ? W | Words<R> : never

// ------------------------------------------------------------------------------------------------ arrays

type Reals = Float32Array | Float64Array | readonly number[]
type Ints =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | readonly number[]
type Bools = Uint8Array | readonly boolean[]

type ElementsOf<K> = K extends "real" ? Reals : K extends "bool" ? Bools : Ints
type ScalarOf<K> = K extends "bool" ? boolean : K extends "choice" ? string : number
type Shaped<A> = A | { readonly data: A; readonly shape: readonly number[] }

/** What one argument takes: a number where it has no axes, else an array; both where a call may be one row or a batch. */
type ValueOf<H, A> = A extends {
  kind: infer K
  array: infer IsArray
  shared: infer IsShared
  option: infer IsOption
}
  ? IsArray extends true
    ? Shaped<ElementsOf<K>>
    : IsShared extends true
      ? ScalarOf<K>
      : IsOption extends true
        ? ScalarOf<K>
        : H extends { batch: true }
          ? ScalarOf<K> | Shaped<ElementsOf<K>>
          : ScalarOf<K>
  : never

type ArgumentOf<H> = H extends { arguments: infer A } ? A : never
type Named<A, N> = Extract<A, { name: N }>
type NamesOf<A> = A extends { name: infer N extends string } ? N : never

type Required<A> = A extends { static: false; optional: false } ? A : never
type Optional<A> = A extends { static: false; optional: true } ? A : never

/** The arguments of a call. */
export type InputsOf<H> = {
  readonly [N in NamesOf<Required<ArgumentOf<H>>>]: ValueOf<H, Named<ArgumentOf<H>, N>>
} & {
  readonly [N in NamesOf<Optional<ArgumentOf<H>>>]?: ValueOf<H, Named<ArgumentOf<H>, N>>
}

/** The names of the arguments that a loss can be differentiated by. */
export type GradientName<H> = NamesOf<
  ArgumentOf<H> extends infer A ? (A extends { kind: "real"; static: false } ? A : never) : never
>

/** Those before the semicolon. */
export type AllGradients<H> = NamesOf<
  ArgumentOf<H> extends infer A
    ? A extends { kind: "real"; static: false; option: false }
      ? A
      : never
    : never
>

/** The static options, integers among them because an axis may have their size. */
export type StaticsOf<H> = {
  readonly [A in ArgumentOf<H> as StaticName<A>]?: A extends { kind: "choice"; words: infer W }
    ? W
    : A extends { kind: infer K }
      ? ScalarOf<K>
      : never
}
type StaticName<A> = A extends { name: infer N extends string; static: true }
  ? N
  : A extends { name: infer N extends string; option: true; kind: "int" }
    ? N
    : never
