import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Engine, Pipeline, script, stage } from 'windlass'
import { CleanRoom } from './clean-room.js'

const folder = mkdtempSync(path.join(tmpdir(), 'clean-room-test-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('steps run in a clean room, and hand on what they found out', async () => {
  process.env.HOST_SECRET = 'not for steps'
  await using engine = await Engine.open({ dataDir: folder, executors: { clean: new CleanRoom() } })
  const run = await engine.start(
    new Pipeline('clean', {
      stages: [
        stage('Test', {
          tasks: [
            script('find', 'echo "secret: $HOST_SECRET"; echo "VERSION=7" >> "$WINDLASS_OUTPUT"', {
              outputs: ['VERSION'],
            }),
            script('use', 'echo "version $VERSION" > out.txt; cat out.txt; exit 3', {
              env: { VERSION: '${find.VERSION}' },
            }),
          ],
        }),
      ],
    }),
  )
  const outcome = await run.wait()
  expect(await run.logs('find')).toBe('secret: \n')
  expect(await run.logs('use')).toBe('version 7\n')
  expect(outcome.tasks.map(({ status, exitCode }) => [status, exitCode])).toEqual([
    ['succeeded', 0],
    ['failed', 3],
  ])
})
