package dev.qwenlsp.jetbrains;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.intellij.diff.DiffContentFactory;
import com.intellij.diff.DiffManager;
import com.intellij.diff.DiffRequestPanel;
import com.intellij.diff.requests.SimpleDiffRequest;
import com.intellij.openapi.editor.Document;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.ui.DialogWrapper;
import com.redhat.devtools.lsp4ij.LSPIJUtils;
import java.util.List;
import javax.swing.JComponent;
import org.eclipse.lsp4j.Range;
import org.eclipse.lsp4j.TextEdit;
import org.eclipse.lsp4j.WorkspaceEdit;

/** An action's answer: the text while it is written, then a diff to apply or to discard. */
final class ActionPreview extends DialogWrapper {
    private static final Gson GSON = new Gson();
    private final Project project;
    private final Document document;
    private final String uri;
    private final long stamp;
    private final DiffRequestPanel diff;
    private WorkspaceEdit edit;

    ActionPreview(Project project, Document document, String uri, String title) {
        super(project);
        this.project = project;
        this.document = document;
        this.uri = uri;
        stamp = document.getModificationStamp();
        diff = DiffManager.getInstance().createRequestPanel(project, getDisposable(), null);
        setTitle(title);
        setModal(false);
        setOKButtonText(Texts.get("preview.apply"));
        setOKActionEnabled(false);
        init();
        compare(document.getText());
    }

    @Override
    protected JComponent createCenterPanel() {
        return diff.getComponent();
    }

    /** Show the document with the text so far in place of the range that it is for. */
    void write(JsonObject streamed) {
        String text = document.getText();
        String written = QwenState.text(streamed, "text");
        Range range = GSON.fromJson(streamed.get("range"), Range.class);
        if (range == null) {
            compare(text);
            return;
        }
        var edit = new TextEdit(range, written);
        compare(LSPIJUtils.applyEdits(document, List.of(edit)));
    }

    /** Show the end: the document after the edit, or a message. */
    void finish(Requests.Outcome outcome) {
        edit = outcome.edit();
        if (edit != null) {
            compare(LSPIJUtils.applyEdits(document, edits()));
            setOKActionEnabled(true);
        } else {
            close(CANCEL_EXIT_CODE);
            Explanation.show(project, outcome);
        }
    }

    /** Open the window; `discarded` runs when it is closed without applying. */
    void show(Runnable discarded) {
        show();
        com.intellij.openapi.util.Disposer.register(getDisposable(), discarded::run);
    }

    @Override
    protected void doOKAction() {
        super.doOKAction();
        if (document.getModificationStamp() != stamp) {
            Notices.warn(project, Texts.get("preview.stale"));
        } else {
            LSPIJUtils.applyWorkspaceEdit(edit, getTitle());
        }
    }

    private void compare(String after) {
        var contents = DiffContentFactory.getInstance();
        diff.setRequest(new SimpleDiffRequest(getTitle(), contents.create(project, document.getText()),
                contents.create(project, after), Texts.get("preview.before"), Texts.get("preview.after")));
    }

    /** The edits of the document that is shown; those of other files are applied with them. */
    private List<TextEdit> edits() {
        if (edit.getDocumentChanges() != null) {
            return edit.getDocumentChanges().stream().filter(change -> change.isLeft())
                    .map(change -> change.getLeft()).filter(change -> uri.equals(change.getTextDocument().getUri()))
                    .flatMap(change -> change.getEdits().stream()).map(TextEdit.class::cast).toList();
        }
        return edit.getChanges().getOrDefault(uri, List.of());
    }
}
