/** Writes the generated modules from `stdlib/*.loss`; leaves a file alone when its text would not change. */
export function writeLibrary(): void
