import { expect, test } from 'vitest'
import { PipelineTest, Script } from 'windlass/testing'
import { release } from '../portal/pipelines.js'

test('a release is built, asked about, and shipped', async () => {
  const outcome = await new PipelineTest(release)
    .parameter('TARGET', 'prod')
    .task('build', Script.succeeds().after('5m').log('built'))
    .approve('sign-off', { after: '23h', by: 'ana', reason: 'looks good' })
    .run()

  outcome.assertSucceeded().assertOrder('build', 'sign-off', 'ship')
  outcome.assertTask('ship').env('TARGET', 'prod')
  expect(outcome.log('build')).toBe('built\n')
  expect(outcome.tookMs).toBe((23 * 60 + 5) * 60 * 1000)
})

test('nothing is shipped when somebody says no', async () => {
  const outcome = await new PipelineTest(release).reject('sign-off', { by: 'ben' }).run()
  outcome.assertFailed().assertSkipped('ship')
})

test('a build that hangs is stopped', async () => {
  const outcome = await new PipelineTest(release).task('build', Script.hangs()).run()
  outcome.assertTask('build').ended('timedOut')
  expect(() => outcome.assertSucceeded()).toThrow('timedOut')
})
