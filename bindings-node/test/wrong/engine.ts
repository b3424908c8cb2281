import {
  type Action,
  dockerExecutor,
  Engine,
  type Event,
  kubernetesExecutor,
  type SimpleExecutor,
  setLogger,
} from 'windlass'

// @refused TS2561
const engine = await Engine.open({ dataDirr: '.windlass' })
const run = await engine.run('latest')
// @refused TS2345
await run.approve(7)
// @refused TS2353
await run.cancel({ who: 'ana' })
// @refused TS2345
await run.retry('fromStart')
// @refused TS2322
await engine.runs({ status: ['done'] })
// @refused TS2322
await engine.start({ name: 'a', stages: [] }, { parameters: { TARGET: 1 } })

// @refused TS2345
kubernetesExecutor({ policy: { hardened: true } })
// @refused TS2561
dockerExecutor({ policy: { hardend: true } })
// @refused TS2322
setLogger(console, { level: 'loud' })

export function text(event: Event): string {
  // @refused TS2339
  return event.text
}

export const executor: SimpleExecutor = {
  // @refused TS2322
  run: async () => ({ exit: 0 }),
}

export const action: Action<{ room: string }> = {
  async run(context) {
    // @refused TS2551
    await context.log(context.settings.rom)
  },
}
