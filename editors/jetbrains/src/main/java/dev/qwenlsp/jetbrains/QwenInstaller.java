package dev.qwenlsp.jetbrains;

import com.intellij.openapi.application.ApplicationManager;
import com.intellij.openapi.application.ModalityState;
import com.intellij.openapi.progress.ProgressIndicator;
import com.intellij.openapi.ui.Messages;
import com.redhat.devtools.lsp4ij.installation.LanguageServerInstallerBase;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jetbrains.annotations.NotNull;

/** Installs the server when there is none; nothing is downloaded without a yes. */
final class QwenInstaller extends LanguageServerInstallerBase {
    @Override
    protected boolean checkServerInstalled(@NotNull ProgressIndicator indicator) {
        return ServerProgram.find().isPresent();
    }

    @Override
    protected void install(@NotNull ProgressIndicator indicator) throws Exception {
        AtomicBoolean isWanted = new AtomicBoolean();
        ApplicationManager.getApplication().invokeAndWait(
                () -> isWanted.set(Messages.showYesNoDialog(
                        getProject(), Texts.get("install.question"), Texts.get("name"), null) == Messages.YES),
                ModalityState.defaultModalityState());
        if (!isWanted.get()) {
            throw new IllegalStateException(Texts.get("install.declined"));
        }
        ServerProgram.install(line -> progress(line, indicator));
        // An endpoint needs no model.
        if (!QwenSettings.hasEndpoint() && ServerProgram.needsModel()) {
            ServerProgram.pullModel(line -> progress(line, indicator));
        }
    }
}
