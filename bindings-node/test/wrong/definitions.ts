import { approve, buildImage, event, Pipeline, parameter, schedule, script, stage } from 'windlass'

// @refused TS2561
script('unit', 'npm test', { imag: 'node:20' })
// @refused TS2322
script('unit', 'npm test', { timeout: 10 })
// @refused TS2322
script('unit', 'npm test', { retry: { attempts: 3, on: ['always'] } })
// @refused TS2322
script('unit', 'npm test', { matrix: { PY: [3.12] } })
// @refused TS2554
script('unit')
// @refused TS2345
buildImage('image', { tags: ['latest'] })
// @refused TS2322
stage('Test', { order: 'sideways' })
// @refused TS2345
event('pull')
// @refused TS2322
schedule({ weekly: { day: 'someday', at: '18:00' } })
// @refused TS2561
approve('sign-off', { approver: ['ana'] })
// @refused TS2769
parameter('TARGET', { dynamic: true, value: 'dev' })
// @refused TS2345
new Pipeline('hello', { description: 'a pipeline without stages' })
// @refused TS2322
new Pipeline('hello', { stages: [{ name: 'Test', tasks: [{ name: 'two', image: 'x' }] }] })
