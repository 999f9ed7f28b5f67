/**
 * The language client, in a bundle of its own: it is nearly all of the code, and is read only when the
 * server is about to start, so that it holds up no other extension (bundle.mjs leaves it out of the first).
 */
export {
  CodeActionRequest,
  InlineCompletionRequest,
  LanguageClient,
  RevealOutputChannelOn,
  State,
} from 'vscode-languageclient/node'
