package dev.qwenlsp.jetbrains;

import com.google.gson.JsonObject;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.wm.ToolWindow;
import com.intellij.openapi.wm.ToolWindowFactory;
import com.intellij.ui.content.ContentFactory;
import com.redhat.devtools.lsp4ij.LSPIJUtils;
import java.awt.event.MouseAdapter;
import java.awt.event.MouseEvent;
import javax.swing.DefaultListModel;
import javax.swing.JList;
import javax.swing.JMenuItem;
import javax.swing.JPopupMenu;
import javax.swing.JScrollPane;
import org.eclipse.lsp4j.Position;
import org.jetbrains.annotations.NotNull;

/** The tool window with the findings of the last review; a double click opens the place. */
public final class QwenFindings implements ToolWindowFactory {
    static final String ID = "qwen-lsp";

    @Override
    public void createToolWindowContent(@NotNull Project project, @NotNull ToolWindow window) {
        QwenState state = project.getService(QwenState.class);
        DefaultListModel<String> model = new DefaultListModel<>();
        JList<String> list = new JList<>(model);
        Runnable fill = () -> {
            model.clear();
            state.findings().forEach(finding -> model.addElement(line(finding)));
        };
        fill.run();
        state.onFindings(fill);
        list.addMouseListener(new MouseAdapter() {
            @Override
            public void mouseClicked(MouseEvent event) {
                int index = list.locationToIndex(event.getPoint());
                if (index >= 0 && event.getClickCount() == 2) {
                    open(project, state.findings().get(index));
                }
            }
        });
        list.setComponentPopupMenu(menu(project, state, list));
        window.getContentManager().addContent(
                ContentFactory.getInstance().createContent(new JScrollPane(list), "", false));
    }

    private static JPopupMenu menu(Project project, QwenState state, JList<String> list) {
        JPopupMenu menu = new JPopupMenu();
        for (String what : new String[] {"fingerprint", "rule", "path"}) {
            JMenuItem item = new JMenuItem(Texts.get("dismiss." + what));
            item.addActionListener(event -> {
                int index = list.getSelectedIndex();
                if (index >= 0) {
                    JsonObject finding = state.findings().get(index);
                    QwenActions.ask(project, (server, running) -> Requests.dismiss(server, finding, what),
                            done -> state.setFindings(state.findings().stream()
                                    .filter(other -> !other.get(what).equals(finding.get(what))).toList()));
                }
            });
            menu.add(item);
        }
        return menu;
    }

    private static void open(Project project, JsonObject finding) {
        var start = finding.getAsJsonObject("range").getAsJsonObject("start");
        Position place = new Position(start.get("line").getAsInt(), start.get("character").getAsInt());
        LSPIJUtils.openInEditor(QwenState.text(finding, "uri"), place, project);
    }

    private static String line(JsonObject finding) {
        int line = finding.getAsJsonObject("range").getAsJsonObject("start").get("line").getAsInt() + 1;
        return "%s:%d  [%s, %s]  %s".formatted(QwenState.text(finding, "path"), line,
                QwenState.text(finding, "severity"), QwenState.text(finding, "rule"), QwenState.text(finding, "message"));
    }
}
