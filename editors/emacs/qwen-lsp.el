;;; qwen-lsp.el --- Ghost text from a Qwen Coder model on your own machine -*- lexical-binding: t -*-

;; Author: The qwen-lsp contributors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; Keywords: convenience, tools
;; URL: https://github.com/qwen-lsp/qwen-lsp
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Shows what the language server qwen-lsp suggests as grey text after point, through eglot.
;;
;;   (require 'qwen-lsp)
;;   (qwen-lsp-setup)          ; tells eglot of the server
;;
;; M-x qwen-lsp-install makes a Python environment with the server, M-x qwen-lsp-pull-model gets the model that
;; suits this machine, M-x eglot starts the server in a buffer and `qwen-lsp-mode' comes with it.
;;
;; M-x qwen-lsp-snooze keeps it quiet for some minutes.
;; M-x qwen-lsp-edit has the lines of the region changed as you say; bind it to a key if you like.
;; While a suggestion is shown: TAB accepts it, M-<right> its next word, M-<down> its next line, C-g puts it away.
;; Everything about models, prompts and files is the server's.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'flymake)
(require 'jsonrpc)

(defgroup qwen-lsp nil
  "Ghost text from a model on your own machine."
  :group 'tools
  :prefix "qwen-lsp-")

(defcustom qwen-lsp-program nil
  "The program to run.
Nil: `qwen-lsp' on the path, else the one that `qwen-lsp-install' made."
  :type '(choice (const nil) file))

(defcustom qwen-lsp-python "python3"
  "The Python (3.11 or newer) that the environment of the server is made with."
  :type 'string)

(defcustom qwen-lsp-directory (locate-user-emacs-file "qwen-lsp")
  "Where `qwen-lsp-install' makes the environment of the server."
  :type 'directory)

(defcustom qwen-lsp-delay 0.1
  "Seconds without a key before a suggestion is asked for.
Nil: only `qwen-lsp-complete' asks."
  :type '(choice (const nil) number))

(defcustom qwen-lsp-modes '(prog-mode)
  "Major modes in which eglot runs this server."
  :type '(repeat symbol))

(defface qwen-lsp-ghost '((t :inherit shadow))
  "Face of a suggestion.")

(defvar qwen-lsp--snoozed-until nil "When suggestions come by themselves again; nil: now.")
(defvar qwen-lsp--root (file-name-directory (or load-file-name buffer-file-name default-directory)))
(defvar-local qwen-lsp--overlay nil)
(defvar-local qwen-lsp--item nil)
(defvar-local qwen-lsp--timer nil)
(defvar-local qwen-lsp--focus-timer nil)

(defvar qwen-lsp-active-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "TAB") #'qwen-lsp-accept)
    (define-key map (kbd "<tab>") #'qwen-lsp-accept)
    (define-key map (kbd "M-<right>") #'qwen-lsp-accept-word)
    (define-key map (kbd "M-<down>") #'qwen-lsp-accept-line)
    (define-key map (kbd "C-g") #'qwen-lsp-dismiss)
    map)
  "Keys while a suggestion is shown; else they do what they always do.")

;;; The server

(defclass qwen-lsp-server (eglot-lsp-server) ()
  :documentation "A qwen-lsp process.")

(cl-defmethod eglot-client-capabilities ((_server qwen-lsp-server))
  "Say that suggestions are shown as ghost text, so the popup holds none."
  (let ((capabilities (cl-call-next-method)))
    (plist-put (plist-get capabilities :textDocument) :inlineCompletion '(:dynamicRegistration :json-false))
    capabilities))

(defun qwen-lsp--own (name)
  "Return the program NAME of the environment that `qwen-lsp-install' makes."
  (expand-file-name (concat (if (eq system-type 'windows-nt) "venv/Scripts/" "venv/bin/") name) qwen-lsp-directory))

(defun qwen-lsp--program ()
  "Return the program of the server, or nil."
  (or qwen-lsp-program
      (executable-find "qwen-lsp")
      (let ((own (qwen-lsp--own "qwen-lsp"))) (and (file-executable-p own) own))))

(defun qwen-lsp--contact (&optional _interactive)
  "Tell eglot how to start the server."
  (list 'qwen-lsp-server (or (qwen-lsp--program) (user-error "No qwen-lsp yet: M-x qwen-lsp-install")) "serve"))

;;;###autoload
(defun qwen-lsp-setup ()
  "Let eglot start qwen-lsp in `qwen-lsp-modes', and show ghost text there."
  (add-to-list 'eglot-server-programs (cons qwen-lsp-modes #'qwen-lsp--contact))
  (add-hook 'eglot-managed-mode-hook #'qwen-lsp--managed))

(defun qwen-lsp--managed ()
  "Switch the mode with eglot's."
  (let ((server (eglot-current-server)))
    (qwen-lsp-mode (if (and server (cl-typep server 'qwen-lsp-server)) 1 -1))))

(defun qwen-lsp--wheel ()
  "Return the wheel that this package carries, or one that the user names."
  (or (car (file-expand-wildcards (expand-file-name "server/qwen_lsp-*.whl" qwen-lsp--root)))
      (expand-file-name (read-file-name "Wheel of qwen-lsp, or a clone of it: " nil nil t))))

(defun qwen-lsp--run (name commands done)
  "Run COMMANDS one after the other in the buffer NAME.
Then call DONE with nil or what went wrong."
  (let* ((buffer (get-buffer-create name))
         (command (car commands)))
    (if (not command)
        (funcall done nil)
      (with-current-buffer buffer
        (goto-char (point-max))
        (insert "> " (string-join command " ") "\n"))
      (display-buffer buffer)
      (condition-case failure
          (make-process
           :name name :buffer buffer :command command :connection-type 'pipe
           :sentinel (lambda (process _event)
                       (unless (process-live-p process)
                         (if (eq (process-exit-status process) 0)
                             (qwen-lsp--run name (cdr commands) done)
                           (funcall done (format "%s ended with %s" (car command) (process-exit-status process)))))))
        (error (funcall done (error-message-string failure)))))))

(defun qwen-lsp--python-is-new-enough ()
  "Return whether `qwen-lsp-python' is there and 3.11 or newer."
  (and (executable-find qwen-lsp-python)
       (eq 0 (call-process qwen-lsp-python nil nil nil "-c" "import sys, venv; sys.exit(sys.version_info < (3, 11))"))))

(defun qwen-lsp--why (name failure)
  "Return why pip failed, by what it wrote into the buffer NAME; else FAILURE.
Its last words are that there is no such package, whatever the cause."
  (with-current-buffer (get-buffer-create name)
    (save-excursion
      (let ((case-fold-search t)
            (said (lambda (pattern) (goto-char (point-min)) (re-search-forward pattern nil t))))
        (cond
         ((funcall said "no space left on device\\|not enough space") "the disk is full")
         ((funcall said "ProxyError\\|cannot connect to proxy\\|tunnel connection failed")
          "the proxy lets nothing through; HTTPS_PROXY names it")
         ((funcall said (concat "name resolution\\|name or service not known\\|network is unreachable"
                                "\\|connection refused\\|NewConnectionError"))
          "the package registry cannot be reached; docs/install.md says how to install without")
         (t failure))))))

(defun qwen-lsp-cancel ()
  "End the installation or the download that runs."
  (interactive)
  (dolist (name '("*qwen-lsp install*" "*qwen-lsp model*"))
    (when-let* ((process (get-buffer-process name)))
      (interrupt-process process))))

;;;###autoload
(defun qwen-lsp-install (&optional done)
  "Make the Python environment of the server; nothing half-made stays.
DONE is called with nil, or with what went wrong."
  (interactive)
  (unless (qwen-lsp--python-is-new-enough)
    (user-error "`%s' is not Python 3.11 or newer; set `qwen-lsp-python'" qwen-lsp-python))
  (let ((folder (expand-file-name "venv" qwen-lsp-directory))
        (wheel (qwen-lsp--wheel)))
    (make-directory qwen-lsp-directory t)
    (with-current-buffer (get-buffer-create "*qwen-lsp install*") (erase-buffer))
    (qwen-lsp--run
     "*qwen-lsp install*"
     (list (list qwen-lsp-python "-m" "venv" "--clear" folder)
           (list (qwen-lsp--own "python") "-m" "pip" "install" "--disable-pip-version-check" "--no-input" wheel))
     (lambda (failure)
       (when failure (delete-directory folder t))
       (message "%s" (if failure
                         (format "qwen-lsp was not installed: %s. The buffer *qwen-lsp install* says more"
                                 (qwen-lsp--why "*qwen-lsp install*" failure))
                       "qwen-lsp is installed; next: M-x qwen-lsp-pull-model"))
       (when done (funcall done failure))))))

;;;###autoload
(defun qwen-lsp-pull-model (&optional name done)
  "Download the model NAME; with none, the one that suits this machine.
DONE is called with nil, or with what went wrong.
A download goes on where it was cut off."
  (interactive (list (let ((named (read-string "Model (empty: what suits this machine): ")))
                       (unless (string-empty-p named) named))))
  (let ((program (or (qwen-lsp--program) (user-error "No qwen-lsp yet: M-x qwen-lsp-install"))))
    (qwen-lsp--run
     "*qwen-lsp model*" (list (append (list program "models" "pull") (and name (list name))))
     (lambda (failure)
       (message "%s" (if failure
                         (format "The model was not downloaded: %s. The buffer *qwen-lsp model* says why" failure)
                       "The model is here; M-x eglot in a source file"))
       (when done (funcall done failure))))))

;;; Suggestions

;;;###autoload
(define-minor-mode qwen-lsp-mode
  "Show what qwen-lsp suggests as grey text after point."
  :lighter " Qwen"
  (if qwen-lsp-mode
      (add-hook 'post-command-hook #'qwen-lsp--after-command nil t)
    (remove-hook 'post-command-hook #'qwen-lsp--after-command t)
    (qwen-lsp-dismiss)))

(defun qwen-lsp--after-command ()
  "Put away a suggestion for another place, and ask for the next one after a pause."
  (unless (and qwen-lsp--overlay (eq (overlay-start qwen-lsp--overlay) (point)))
    (qwen-lsp-dismiss))
  (when (timerp qwen-lsp--timer) (cancel-timer qwen-lsp--timer))
  (when (and qwen-lsp-delay (not (qwen-lsp--snoozes-p))
             (memq this-command '(self-insert-command newline qwen-lsp-accept-word qwen-lsp-accept-line)))
    (setq qwen-lsp--timer
          (run-with-idle-timer qwen-lsp-delay nil #'qwen-lsp--ask-in (current-buffer) (point) 2)))
  (when (memq this-command '(kill-ring-save kill-region kill-line kill-whole-line))
    (qwen-lsp--copied (current-kill 0 t)))
  (unless (eq this-command 'self-insert-command)
    (when (timerp qwen-lsp--focus-timer) (cancel-timer qwen-lsp--focus-timer))
    (setq qwen-lsp--focus-timer (run-with-idle-timer 0.3 nil #'qwen-lsp--focus (current-buffer) (point)))))

(defun qwen-lsp-snooze (minutes)
  "Ask for nothing by itself for MINUTES; 0 ends that.
`qwen-lsp-complete' asks all the same."
  (interactive "nMinutes without suggestions (0: show them again): ")
  (setq qwen-lsp--snoozed-until (and (> minutes 0) (time-add nil (* 60 minutes))))
  (when qwen-lsp--snoozed-until (qwen-lsp-dismiss)))

(defun qwen-lsp--snoozes-p ()
  "Return whether `qwen-lsp-snooze' is still in effect."
  (and qwen-lsp--snoozed-until (time-less-p nil qwen-lsp--snoozed-until)))

(defun qwen-lsp--copied (text)
  "Tell the server that TEXT was copied: it may be wanted where point goes next."
  (let ((server (eglot-current-server)))
    (when (and server (< 2 (length text) 20000))
      (jsonrpc-notify server :qwenLsp/didCopy
                      (list :textDocument (eglot--TextDocumentIdentifier) :text (substring-no-properties text))))))

(defun qwen-lsp--focus (buffer place)
  "Tell the server that point has settled at PLACE of BUFFER: it reads ahead."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (let ((server (eglot-current-server)))
        (when (and qwen-lsp-mode server (eq (point) place))
          (jsonrpc-notify server :qwenLsp/didFocus
                          (append (eglot--TextDocumentPositionParams)
                                  (list :diagnostics (qwen-lsp--said-of-the-line)))))))))

(defun qwen-lsp--said-of-the-line ()
  "Return what other tools say of the line, as a vector of texts."
  (vconcat
   (cl-loop for one in (and (bound-and-true-p flymake-mode)
                            (flymake-diagnostics (line-beginning-position) (line-end-position)))
            unless (eq (flymake-diagnostic-backend one) 'eglot-flymake-backend)
            collect (flymake-diagnostic-text one))))

;;;###autoload
(defun qwen-lsp-edit (instruction start end)
  "Have the lines from START to END changed as INSTRUCTION says.
Eglot asks before it applies the change; the option
`eglot-confirm-server-initiated-edits' says whether."
  (interactive
   (list (read-string "How should the code be changed? ")
         (if (use-region-p) (region-beginning) (point))
         (if (use-region-p) (region-end) (point))))
  (let ((server (or (eglot-current-server) (user-error "No server runs here: M-x eglot")))
        (first (save-excursion (goto-char start) (line-beginning-position)))
        (last (save-excursion (goto-char end) (line-end-position))))
    (eglot--signal-textDocument/didChange)
    (message "qwen-lsp: the model writes...")
    (jsonrpc-async-request
     server :workspace/executeCommand
     (list :command "qwenLsp.action"
           :arguments (vector (list :kind "edit"
                                    :uri (plist-get (eglot--TextDocumentIdentifier) :uri)
                                    :range (list :start (eglot--pos-to-lsp-position first)
                                                 :end (eglot--pos-to-lsp-position last))
                                    :instruction instruction)))
     :timeout 600
     :success-fn (lambda (answer)
                   (let ((said (plist-get answer :message)))
                     (message "qwen-lsp: %s" (if (and (stringp said) (not (string-empty-p said))) said "done"))))
     :error-fn (lambda (failure) (message "qwen-lsp: %s" (plist-get failure :message))))))

(defun qwen-lsp--ask-in (buffer place kind)
  "Ask for a suggestion at PLACE of BUFFER if point is still there.
KIND is 1 by hand, 2 by itself."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (when (and qwen-lsp-mode (eq (point) place) (not qwen-lsp--item))
        (qwen-lsp--ask kind)))))

;;;###autoload
(defun qwen-lsp-complete ()
  "Ask for a suggestion now."
  (interactive)
  (qwen-lsp-dismiss)
  (qwen-lsp--ask 1))

(defun qwen-lsp--ask (kind)
  "Send a request of KIND for the place of point."
  (let ((server (eglot-current-server)) (buffer (current-buffer)) (place (point)) (tick (buffer-chars-modified-tick)))
    (unless server (user-error "No server runs here: M-x eglot"))
    (eglot--signal-textDocument/didChange)
    (jsonrpc-async-request
     server :textDocument/inlineCompletion
     (append (eglot--TextDocumentPositionParams) (list :context (list :triggerKind kind)))
     :success-fn
     (lambda (result)
       (when (buffer-live-p buffer)
         (with-current-buffer buffer
           (when (and (eq (point) place) (eq (buffer-chars-modified-tick) tick))
             (qwen-lsp--show (qwen-lsp--first result))))))
     :error-fn (lambda (failure) (when (eq kind 1) (message "qwen-lsp: %s" (plist-get failure :message)))))))

(defun qwen-lsp--first (result)
  "Return the first item of RESULT, which is a list of items or holds one."
  (let ((items (if (vectorp result) result (plist-get result :items))))
    (and (> (length items) 0) (elt items 0))))

(defun qwen-lsp--text (item)
  "Return the text of ITEM."
  (let ((text (plist-get item :insertText)))
    (if (stringp text) text (plist-get text :value))))

(defun qwen-lsp--show (item)
  "Show ITEM after point."
  (qwen-lsp-dismiss)
  (when (and item (not (string-empty-p (qwen-lsp--text item))))
    (let ((text (propertize (qwen-lsp--text item) 'face 'qwen-lsp-ghost)))
      ;; Point stays before the text, not after it.
      (put-text-property 0 1 'cursor t text)
      (setq qwen-lsp--item item
            qwen-lsp--overlay (make-overlay (point) (point) nil t nil))
      (overlay-put qwen-lsp--overlay 'after-string text)
      (overlay-put qwen-lsp--overlay 'qwen-lsp t)
      (set-transient-map qwen-lsp-active-map #'qwen-lsp-visible-p))))

(defun qwen-lsp-visible-p ()
  "Return whether a suggestion is shown at point."
  (and qwen-lsp--overlay (overlay-buffer qwen-lsp--overlay) (eq (overlay-start qwen-lsp--overlay) (point))))

(defun qwen-lsp-dismiss ()
  "Put the suggestion away."
  (interactive)
  (when qwen-lsp--overlay (delete-overlay qwen-lsp--overlay))
  (setq qwen-lsp--overlay nil qwen-lsp--item nil))

(defun qwen-lsp--accept (part)
  "Insert what PART matches at the start of the suggestion; keep the rest.
PART is a regular expression; nil is all."
  (unless (qwen-lsp-visible-p) (user-error "There is no suggestion"))
  (let* ((item qwen-lsp--item)
         (text (qwen-lsp--text item))
         (end (if (and part (string-match part text) (eq (match-beginning 0) 0)) (match-end 0) (length text)))
         (rest (substring text end)))
    (qwen-lsp-dismiss)
    (insert (substring text 0 end))
    (if (string-empty-p rest)
        (qwen-lsp--accepted item)
      (qwen-lsp--show (plist-put (copy-sequence item) :insertText rest)))))

(defun qwen-lsp--accepted (item)
  "Tell the server that ITEM was accepted; it counts on this machine only."
  (when-let* ((command (plist-get item :command)) (server (eglot-current-server)))
    (jsonrpc-async-request
     server :workspace/executeCommand
     (list :command (plist-get command :command) :arguments (or (plist-get command :arguments) []))
     :success-fn #'ignore :error-fn #'ignore)))

(defun qwen-lsp-accept ()
  "Accept the whole suggestion."
  (interactive)
  (qwen-lsp--accept nil))

(defun qwen-lsp-accept-word ()
  "Accept the next word of the suggestion."
  (interactive)
  (qwen-lsp--accept "[ \t\n]*\\(?:[[:alnum:]_]+\\|[^[:alnum:]_ \t\n]+\\)"))

(defun qwen-lsp-accept-line ()
  "Accept the next line of the suggestion."
  (interactive)
  (qwen-lsp--accept "\n*[^\n]*"))

(provide 'qwen-lsp)
;;; qwen-lsp.el ends here
