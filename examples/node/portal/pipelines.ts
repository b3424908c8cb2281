import { approve, Pipeline, parameter, script, stage } from 'windlass'

/** What the portal offers when its data directory is new. */
export const release = new Pipeline('release', {
  description: 'Builds, asks, and ships',
  parameters: [
    parameter('TARGET', { dynamic: true, default: 'dev', choices: ['dev', 'prod'], description: 'Where it goes' }),
    parameter('LINES', { dynamic: true, default: '20' }),
  ],
  stages: [
    stage('Build', {
      tasks: [
        script('build', 'for i in $(seq "$LINES"); do echo "line $i for $TARGET"; sleep 0.1; done', { timeout: '10m' }),
      ],
    }),
    stage('Ship', {
      tasks: [approve('sign-off', { message: 'Ship to ${TARGET}?' }), script('ship', 'echo "shipped to $TARGET"')],
    }),
  ],
})
