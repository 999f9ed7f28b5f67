package dev.qwenlsp.jetbrains;

import com.google.gson.JsonParseException;
import com.intellij.openapi.options.Configurable;
import com.intellij.openapi.options.ConfigurationException;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.project.ProjectManager;
import java.awt.BorderLayout;
import javax.swing.JComponent;
import javax.swing.JLabel;
import javax.swing.JPanel;
import javax.swing.JScrollPane;
import javax.swing.JTextArea;
import javax.swing.JTextField;

/** The settings page: which program, and the server's settings as JSON (`qwen-lsp config schema`). */
public final class QwenConfigurable implements Configurable {
    private final JTextField program = new JTextField();
    private final JTextArea server = new JTextArea(16, 60);

    @Override
    public String getDisplayName() {
        return Texts.get("name");
    }

    @Override
    public JComponent createComponent() {
        JPanel top = new JPanel(new BorderLayout(8, 8));
        top.add(new JLabel(Texts.get("settings.program")), BorderLayout.WEST);
        top.add(program, BorderLayout.CENTER);
        top.add(new JLabel(Texts.get("settings.server")), BorderLayout.SOUTH);
        JPanel page = new JPanel(new BorderLayout(8, 8));
        page.add(top, BorderLayout.NORTH);
        page.add(new JScrollPane(server), BorderLayout.CENTER);
        reset();
        return page;
    }

    @Override
    public boolean isModified() {
        return !program.getText().equals(QwenSettings.program()) || !server.getText().equals(QwenSettings.serverText());
    }

    @Override
    public void apply() throws ConfigurationException {
        try {
            QwenSettings.setServerText(server.getText());
        } catch (JsonParseException error) {
            throw new ConfigurationException(Texts.get("settings.notJson"));
        }
        QwenSettings.setProgram(program.getText().trim());
        for (Project project : ProjectManager.getInstance().getOpenProjects()) {
            QwenActions.settingsChanged(project);
        }
    }

    @Override
    public void reset() {
        program.setText(QwenSettings.program());
        server.setText(QwenSettings.serverText());
    }
}
