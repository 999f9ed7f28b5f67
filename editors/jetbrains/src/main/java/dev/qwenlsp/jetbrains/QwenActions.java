package dev.qwenlsp.jetbrains;

import com.google.gson.JsonObject;
import com.intellij.openapi.actionSystem.ActionManager;
import com.intellij.openapi.actionSystem.ActionUpdateThread;
import com.intellij.openapi.actionSystem.AnAction;
import com.intellij.openapi.actionSystem.AnActionEvent;
import com.intellij.openapi.actionSystem.CommonDataKeys;
import com.intellij.openapi.application.ApplicationManager;
import com.intellij.openapi.editor.Document;
import com.intellij.openapi.editor.Editor;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.ui.Messages;
import com.intellij.openapi.ui.popup.JBPopupFactory;
import com.intellij.openapi.vfs.VirtualFile;
import com.intellij.openapi.wm.ToolWindowManager;
import com.redhat.devtools.lsp4ij.LSPIJUtils;
import com.redhat.devtools.lsp4ij.LanguageServerItem;
import com.redhat.devtools.lsp4ij.LanguageServerManager;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.eclipse.lsp4j.CodeAction;
import org.eclipse.lsp4j.Diagnostic;
import org.eclipse.lsp4j.DidChangeConfigurationParams;
import org.eclipse.lsp4j.Position;
import org.eclipse.lsp4j.Range;
import org.jetbrains.annotations.NotNull;

/** The actions of plugin.xml: each asks the server once and shows what comes back. */
public final class QwenActions {
    private QwenActions() {}

    /** An action that needs a project and shows its failures. */
    abstract static class ProjectAction extends AnAction {
        @Override
        public @NotNull ActionUpdateThread getActionUpdateThread() {
            return ActionUpdateThread.BGT;
        }

        @Override
        public void update(@NotNull AnActionEvent event) {
            event.getPresentation().setEnabled(event.getProject() != null);
        }

        @Override
        public final void actionPerformed(@NotNull AnActionEvent event) {
            if (event.getProject() != null) {
                perform(event, event.getProject());
            }
        }

        abstract void perform(AnActionEvent event, Project project);
    }

    /** An action on what is selected in an editor; elsewhere nothing happens. */
    abstract static class EditorAction extends ProjectAction {
        @Override
        final void perform(AnActionEvent event, Project project) {
            Editor editor = event.getData(CommonDataKeys.EDITOR);
            VirtualFile file = event.getData(CommonDataKeys.VIRTUAL_FILE);
            if (editor != null && file != null) {
                perform(project, editor, file);
            }
        }

        abstract void perform(Project project, Editor editor, VirtualFile file);
    }

    /** Ask for ghost text now, through the IDE's own action. */
    public static final class Trigger extends ProjectAction {
        @Override
        void perform(AnActionEvent event, Project project) {
            ActionManager actions = ActionManager.getInstance();
            var action = actions.getAction("CallInlineCompletionAction");
            if (action != null) {
                actions.tryToExecute(action, event.getInputEvent(), null, event.getPlace(), true);
            }
        }
    }

    /** Switch suggestions off, or on again. */
    public static final class Pause extends ProjectAction {
        @Override
        public void update(@NotNull AnActionEvent event) {
            super.update(event);
            event.getPresentation().setText(Texts.get(QwenSettings.isPaused() ? "action.resume" : "action.pause"));
        }

        @Override
        void perform(AnActionEvent event, Project project) {
            QwenSettings.setPaused(!QwenSettings.isPaused());
            settingsChanged(project);
        }
    }

    /** Switch suggestions off for a quarter of an hour. */
    public static final class Snooze extends ProjectAction {
        private static final int MINUTES = 15;

        @Override
        void perform(AnActionEvent event, Project project) {
            QwenSettings.snooze(MINUTES);
            settingsChanged(project);
            CompletableFuture.delayedExecutor(60L * MINUTES + 1, TimeUnit.SECONDS).execute(() -> settingsChanged(project));
        }
    }

    /** Download the model that suits this machine, or the rest of it; the running server uses it without a restart. */
    public static final class DownloadModel extends ProjectAction {
        @Override
        void perform(AnActionEvent event, Project project) {
            Notices.info(project, Texts.get("model.downloading"));
            CompletableFuture.runAsync(() -> {
                try {
                    ServerProgram.pullModel(line -> {});
                    Notices.info(project, Texts.get("model.downloaded"));
                } catch (IOException error) {
                    Notices.warn(project, String.valueOf(error.getMessage()));
                } catch (InterruptedException error) {
                    Thread.currentThread().interrupt();
                }
            });
        }
    }

    /** End the server and start it again. */
    public static final class Restart extends ProjectAction {
        @Override
        void perform(AnActionEvent event, Project project) {
            LanguageServerManager.getInstance(project).start(QwenServerFactory.SERVER_ID);
        }
    }

    /** Say why the last suggestion came, or did not come. */
    public static final class Explain extends ProjectAction {
        @Override
        void perform(AnActionEvent event, Project project) {
            String uri = uriOf(event.getData(CommonDataKeys.VIRTUAL_FILE));
            ask(project, (server, item) -> Requests.explain(server, uri), record -> {
                String message = (QwenState.text(record, "summary") + "\n" + QwenState.text(record, "remedy")).trim();
                Notices.info(project, message.isEmpty() ? Texts.get("explain.nothing") : message);
            });
        }
    }

    /** Review the changes of the project; the findings go to the tool window. */
    public static final class Review extends ProjectAction {
        @Override
        void perform(AnActionEvent event, Project project) {
            ask(project, (server, item) -> {
                if (!Requests.offers(item.getServerCapabilities(), Requests.REVIEW)) {
                    throw new IllegalStateException(Texts.get("notOffered", Requests.REVIEW));
                }
                return Requests.review(server, null);
            }, findings -> {
                project.getService(QwenState.class).setFindings(findings);
                if (findings.isEmpty()) {
                    Notices.info(project, Texts.get("review.nothing"));
                } else {
                    ToolWindowManager.getInstance(project).getToolWindow(QwenFindings.ID).activate(null);
                }
            });
        }
    }

    /** Choose an action for the selection, see it written, and apply or discard it. */
    public static final class Act extends EditorAction {
        @Override
        void perform(Project project, Editor editor, VirtualFile file) {
            Document document = editor.getDocument();
            var selection = editor.getSelectionModel();
            Range range = new Range(LSPIJUtils.toPosition(selection.getSelectionStart(), document),
                    LSPIJUtils.toPosition(selection.getSelectionEnd(), document));
            List<Diagnostic> problems = Problems.in(project, document, selection.getSelectionStart(), selection.getSelectionEnd());
            ask(project, (server, item) -> Requests.actions(server, uriOf(file), range, problems), actions -> {
                if (actions.isEmpty()) {
                    Notices.info(project, Texts.get("action.none"));
                } else {
                    choose(project, editor, uriOf(file), actions);
                }
            });
        }

        private static void choose(Project project, Editor editor, String uri, List<CodeAction> actions) {
            // Two actions may have the same title, so each carries its number.
            List<String> titles = java.util.stream.IntStream.range(0, actions.size())
                    .mapToObj(n -> (n + 1) + ". " + actions.get(n).getTitle()).toList();
            JBPopupFactory.getInstance().createPopupChooserBuilder(titles).setTitle(Texts.get("name"))
                    .setItemChosenCallback(title -> preview(project, editor.getDocument(), uri, actions.get(titles.indexOf(title))))
                    .createPopup().showInBestPositionFor(editor);
        }

        static void preview(Project project, Document document, String uri, CodeAction action) {
            if (Requests.isExplanation(action)) {
                // It changes nothing, so there is nothing to compare. LSP4IJ shows the server's progress, which cancels it.
                ask(project, (server, item) -> Requests.perform(server, action), outcome -> Explanation.show(project, outcome));
                return;
            }
            QwenState state = project.getService(QwenState.class);
            String id = Requests.streamId(action);
            ActionPreview preview = new ActionPreview(project, document, uri, action.getTitle());
            state.follow(id, streamed -> later(() -> preview.write(streamed)));
            // The request itself is cancelled: cancelling what depends on it would let the model go on.
            var requests = new java.util.concurrent.atomic.AtomicReference<CompletableFuture<?>>();
            ask(project, (server, item) -> {
                var request = Requests.perform(server, action);
                requests.set(request);
                return request;
            }, preview::finish);
            preview.show(() -> {
                state.forget(id);
                var request = requests.get();
                if (request != null) {
                    request.cancel(true);
                }
            });
        }
    }

    /** Change the selected lines as the user says. */
    public static final class Edit extends EditorAction {
        @Override
        void perform(Project project, Editor editor, VirtualFile file) {
            String instruction = Messages.showInputDialog(project, Texts.get("edit.question"), Texts.get("name"), null);
            if (instruction == null || instruction.isBlank()) {
                return;
            }
            Document document = editor.getDocument();
            var selection = editor.getSelectionModel();
            int last = document.getLineNumber(selection.getSelectionEnd());
            Range lines = new Range(new Position(document.getLineNumber(selection.getSelectionStart()), 0),
                    LSPIJUtils.toPosition(document.getLineEndOffset(last), document));
            Act.preview(project, document, uriOf(file), Requests.edit(uriOf(file), lines, instruction.trim()));
        }
    }

    /** Ask the running server; the answer is shown on the IDE's own thread, a failure as a notification. */
    static <T> CompletableFuture<?> ask(
            Project project, BiFunction<QwenServer, LanguageServerItem, CompletableFuture<T>> request, Consumer<T> show) {
        return LanguageServerManager.getInstance(project).getLanguageServer(QwenServerFactory.SERVER_ID)
                .thenCompose(item -> {
                    if (item == null) {
                        throw new IllegalStateException(Texts.get("noServer"));
                    }
                    return request.apply((QwenServer) item.getServer(), item);
                })
                .handle((answer, error) -> {
                    if (error == null) {
                        later(() -> show.accept(answer));
                    } else if (!(error instanceof java.util.concurrent.CancellationException)) {
                        Throwable cause = error.getCause() == null ? error : error.getCause();
                        Notices.warn(project, String.valueOf(cause.getMessage()));
                    }
                    return null;
                });
    }

    /** Let the running server ask for its settings again. */
    static void settingsChanged(Project project) {
        ask(project, (server, item) -> {
            server.getWorkspaceService().didChangeConfiguration(new DidChangeConfigurationParams(new JsonObject()));
            return CompletableFuture.completedFuture(null);
        }, nothing -> {});
    }

    private static void later(Runnable work) {
        ApplicationManager.getApplication().invokeLater(work);
    }

    private static String uriOf(VirtualFile file) {
        return file == null ? "" : LSPIJUtils.toUriAsString(file);
    }
}
