import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    // Files run beside one another in processes of their own, as portals do: worker threads have a test of their own.
    pool: 'forks',
    // Machines that run tests are busy. No test measures time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
