// The losses of the library, each a named export that is compiled when it is first used.
export * from "./stdlib-losses.generated.ts"
