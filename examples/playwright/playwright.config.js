import { defineConfig } from '@playwright/test'

export default defineConfig({ testMatch: '*.test.js', workers: 2, reporter: 'line' })
