import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The server puts a new nonce into each page in place of this text; see web.go.
  html: { cspNonce: 'CSP_NONCE' },
  build: {
    manifest: true,
    license: { fileName: 'licenses.md' },
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      onwarn(warning, warn) {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning) // "use client" means nothing here
      },
    },
  },
  server: { proxy: { '/api': 'http://localhost:3000', '/v1': 'http://localhost:3000' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
