import { defineConfig } from 'vitest/config'

// The tests drive one Chromium on shared cores, so they run one after the other.
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    environment: 'node',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    globalSetup: ['test/browser/setup.ts'],
  },
})
