package dev.qwenlsp.jetbrains;

import com.intellij.openapi.fileEditor.FileEditorManager;
import com.intellij.openapi.project.Project;
import com.intellij.testFramework.LightVirtualFile;

/** What a model says about code: a read-only Markdown file in memory, which the IDE renders where it can. */
final class Explanation {
    private Explanation() {}

    /** Open it; where the model said nothing, say why. */
    static void show(Project project, Requests.Outcome outcome) {
        if (outcome.markdown().isEmpty()) {
            Notices.info(project, outcome.message().isEmpty() ? Texts.get("action.nothing") : outcome.message());
            return;
        }
        var file = new LightVirtualFile(Texts.get("explanation") + ".md", outcome.markdown());
        file.setWritable(false);
        FileEditorManager.getInstance(project).openFile(file, true);
    }
}
