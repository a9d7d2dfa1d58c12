// @ts-check
// The program of a worker: it runs blocks of loops that a kernel on another thread hands out, and sleeps in between.
//
// It is text because workers start from a file or an address, and neither the sources nor an emitted module have one of their own
// for it. All of this is plain JavaScript, because its text also becomes a part of emitted modules.
// The thread that calls kernels and its workers share an array of ints; `control` says which int is what.

/** Places in the shared array of ints. Those that several threads write at once lie in different lines of a cache. */
export const control = {
  /** The next ticket: tickets are blocks that wait to be run, counted through all jobs. */
  next: 0,
  /** The ticket after the last. */
  limit: 16,
  /** How many blocks have been run. */
  done: 32,
  /** The job: which module, loop, frame, the ticket of its first block, and how many threads may run it. */
  module: 48,
  loop: 49,
  frame: 50,
  first: 51,
  threads: 52,
  /** The number of a worker that failed; 0 for none. */
  failed: 64,
  /** From here on, by worker: whether it is ready, changes when there is something to do, and how many messages were sent to it. */
  ready: 80,
  wake: 81,
  sent: 82,
  stride: 16,
}

/**
 * Ints that `count` workers need.
 * @param {number} count
 */
export const controlLength = (count) => control.ready + (count + 1) * control.stride

/** @param {keyof typeof control} name */
const c = (name) => String(control[name])

/** How often an idle worker looks for the next job before it sleeps: some ten microseconds. */
const WORKER_LOOKS = 200

/** The program, for Node and for pages. */
export const workerText = `
const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads")
const port = threads?.parentPort ?? globalThis
const modules = new Map()
let ints, me, own, received = 0

function work() {
  for (;;) {
    const ticket = Atomics.load(ints, ${c("next")})
    if (ticket === Atomics.load(ints, ${c("limit")}) || me >= ints[${c("threads")}]) return
    const blocks = modules.get(ints[${c("module")}])
    if (!blocks) return
    const block = blocks[ints[${c("loop")}]]
    const frame = ints[${c("frame")}]
    const index = (ticket - ints[${c("first")}]) | 0
    if (Atomics.compareExchange(ints, ${c("next")}, ticket, (ticket + 1) | 0) !== ticket) continue
    try {
      block(frame, me, index)
    } catch (error) {
      Atomics.store(ints, ${c("failed")}, me)
    }
    const done = (Atomics.add(ints, ${c("done")}, 1) + 1) | 0
    if (done === Atomics.load(ints, ${c("limit")})) Atomics.notify(ints, ${c("done")})
  }
}

function serve() {
  for (;;) {
    const wake = Atomics.load(ints, own + ${control.wake - control.ready})
    if (Atomics.load(ints, own + ${control.sent - control.ready}) !== received) return
    work()
    let looks = 0
    while (looks < ${WORKER_LOOKS} && Atomics.load(ints, own + ${control.wake - control.ready}) === wake) looks++
    if (looks === ${WORKER_LOOKS}) Atomics.wait(ints, own + ${control.wake - control.ready}, wake)
  }
}

function receive(message) {
  received++
  if (message.ints) {
    ints = message.ints
    me = message.me
    own = ${c("ready")} + me * ${c("stride")}
    threads && process.on("exit", () => {
      Atomics.store(ints, ${c("failed")}, me)
      Atomics.notify(ints, ${c("done")})
    })
    Atomics.store(ints, own, 1)
  } else {
    const host = { memory: message.memory, share() {} }
    for (const name of message.host) host[name] = Math[name]
    const { exports } = new WebAssembly.Instance(message.module, { host })
    modules.set(message.number, message.blocks.map((name) => exports[name]))
  }
  serve()
}
if (threads) port.on("message", receive)
else port.onmessage = (event) => receive(event.data)
`
