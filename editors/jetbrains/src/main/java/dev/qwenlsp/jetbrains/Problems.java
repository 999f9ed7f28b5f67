package dev.qwenlsp.jetbrains;

import com.intellij.codeInsight.daemon.impl.HighlightInfo;
import com.intellij.lang.annotation.HighlightSeverity;
import com.intellij.openapi.editor.Document;
import com.intellij.openapi.editor.impl.DocumentMarkupModel;
import com.intellij.openapi.project.Project;
import com.redhat.devtools.lsp4ij.LSPIJUtils;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.lsp4j.Diagnostic;
import org.eclipse.lsp4j.DiagnosticSeverity;
import org.eclipse.lsp4j.Range;

/** What the IDE and its language servers find wrong with some text, as diagnostics: the server offers to repair it. */
final class Problems {
    private Problems() {}

    /** Warnings and errors that touch the offsets. Call it on the IDE's own thread. */
    static List<Diagnostic> in(Project project, Document document, int start, int end) {
        List<Diagnostic> found = new ArrayList<>();
        for (var highlighter : DocumentMarkupModel.forDocument(document, project, true).getAllHighlighters()) {
            HighlightInfo info = HighlightInfo.fromRangeHighlighter(highlighter);
            boolean touches = highlighter.getStartOffset() <= end && start <= highlighter.getEndOffset();
            if (info == null || !touches || info.getDescription() == null
                    || info.getSeverity().compareTo(HighlightSeverity.WEAK_WARNING) < 0) {
                continue;
            }
            Range range = new Range(LSPIJUtils.toPosition(highlighter.getStartOffset(), document),
                    LSPIJUtils.toPosition(highlighter.getEndOffset(), document));
            boolean isError = info.getSeverity().compareTo(HighlightSeverity.ERROR) >= 0;
            found.add(new Diagnostic(range, info.getDescription(),
                    isError ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning, "ide"));
        }
        return found;
    }
}
