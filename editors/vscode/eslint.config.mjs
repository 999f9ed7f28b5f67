import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist', '.out', 'node_modules'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // node:test's suites return promises that it awaits itself
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: ['test', 'suite'] }],
    },
  },
)
