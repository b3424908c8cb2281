import { Engine, Pipeline, parameter, script, stage } from 'windlass'

const pipeline = new Pipeline('hello', {
  parameters: [parameter('GREETING', { dynamic: true, default: 'hello' })],
  stages: [
    stage('Test', {
      order: 'parallel',
      tasks: [
        script('unit', 'echo "$GREETING from a $SIZE test"', { matrix: { SIZE: ['small', 'large'] } }),
        script('lint', 'true'),
      ],
    }),
  ],
  finally: [script('report', 'echo "the run $WINDLASS_STATUS"')],
})

const engine = await Engine.open({ dataDir: process.argv[2] ?? '.windlass' })
const run = await engine.start(pipeline, { parameters: { GREETING: 'hi' }, actor: 'ana' })
for await (const event of run.events()) {
  if (event.type === 'log') process.stdout.write(`${event.task}| ${event.text}`)
  else console.log(event.type, 'task' in event ? event.task : '')
}
const outcome = await run.wait()
console.log(`${outcome.pipeline} #${outcome.number} ${outcome.status}`)
await engine.close()
