#define NCURSES_WIDECHAR 1
#define _GNU_SOURCE 1
#define _XOPEN_SOURCE_EXTENDED 1
#include "CNCurses.h"

#include <curses.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static struct termios cs_saved_settings;
static int cs_is_raw = 0;
static int cs_wake_fd = -1;
// Where fd 2 led before it was turned into a file, and that file's name.
static int cs_error_fd = -1;
static char cs_report[1024];
static int cs_synchronizes = 1;

// What leaves every mode we enter, whatever state ncurses was in; safe in a signal handler.
static const char cs_restore[] =
    "\033[?2026l\033[?1000l\033[?1002l\033[?1006l\033[?2004l\033[?25h\033[0m\033[?1l\033>\033[?1049l";

// The thread that owns the screen, and what a crash in another one needs to hold it still.
static pthread_t cs_screen_thread;
static atomic_flag cs_is_crashing = ATOMIC_FLAG_INIT;
static pthread_t cs_crashing_thread;
static atomic_int cs_must_hold_still = 0;
static atomic_int cs_holds_still = 0;

static void cs_on_hold_still(int signal_number) {
  (void)signal_number;
  if (!atomic_load(&cs_must_hold_still)) return;
  atomic_store(&cs_holds_still, 1);
  for (;;) pause();
}

// What is put right below must not be undone by a screen that is still drawing or setting modes.
static void cs_hold_screen_still(void) {
  if (pthread_equal(pthread_self(), cs_screen_thread)) return;
  atomic_store(&cs_must_hold_still, 1);
  if (pthread_kill(cs_screen_thread, SIGUSR2) != 0) return;
  const struct timespec millisecond = {0, 1000000};
  for (int i = 0; i < 500 && !atomic_load(&cs_holds_still); i++) nanosleep(&millisecond, NULL);
}

// Only what is safe in a signal handler: write, tcsetattr, pthread_kill, nanosleep, signal, raise.
static void cs_emergency(int signal_number) {
  if (!atomic_flag_test_and_set(&cs_is_crashing)) {
    cs_crashing_thread = pthread_self();
  } else if (!pthread_equal(pthread_self(), cs_crashing_thread)) {
    for (;;) pause();  // the first to crash ends the process
  }
  cs_hold_screen_still();
  if (cs_is_raw) {
    cs_is_raw = 0;
    (void)!write(STDOUT_FILENO, cs_restore, sizeof cs_restore - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &cs_saved_settings);
    if (cs_error_fd >= 0 && cs_report[0]) {
      static const char head[] = "countersign crashed; nothing was signed after what you saw. Report: ";
      (void)!write(cs_error_fd, head, sizeof head - 1);
      (void)!write(cs_error_fd, cs_report, strlen(cs_report));
      (void)!write(cs_error_fd, "\n", 1);
    }
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

static void cs_on_signal(int signal_number) {
  unsigned char byte = (unsigned char)signal_number;
  if (cs_wake_fd >= 0) (void)!write(cs_wake_fd, &byte, 1);
}

// A thread that has used up its stack can run the handler only on another one.
void cs_use_crash_stack(void) {
  static __thread char stack[32768];
  static __thread int is_used = 0;
  if (is_used) return;
  is_used = 1;
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 0};
  sigaltstack(&alternate, NULL);
}

void cs_install_handlers(int wake_fd) {
  cs_use_crash_stack();
  cs_screen_thread = pthread_self();
  cs_wake_fd = wake_fd;
  struct sigaction crash;
  memset(&crash, 0, sizeof crash);
  crash.sa_handler = cs_emergency;
  crash.sa_flags = SA_ONSTACK | SA_NODEFER;
  const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSYS};
  for (unsigned i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &crash, NULL);
  struct sigaction wake;
  memset(&wake, 0, sizeof wake);
  wake.sa_handler = cs_on_signal;
  wake.sa_flags = SA_RESTART;
  const int wakes[] = {SIGWINCH, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};
  for (unsigned i = 0; i < sizeof wakes / sizeof *wakes; i++) sigaction(wakes[i], &wake, NULL);
  struct sigaction still;
  memset(&still, 0, sizeof still);
  still.sa_handler = cs_on_hold_still;
  still.sa_flags = SA_RESTART;
  sigaction(SIGUSR2, &still, NULL);
  signal(SIGPIPE, SIG_IGN);
}

// From here on what is written to fd 2 goes to a file: it must not stand on the screen.
int cs_divert_errors(const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return 0;
  cs_error_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  dup2(file, STDERR_FILENO);
  close(file);
  snprintf(cs_report, sizeof cs_report, "%s", path);
  return 1;
}

int cs_has_screen(void) { return cs_is_raw && cs_error_fd >= 0; }

void cs_restore_errors(void) {
  if (cs_error_fd < 0) return;
  dup2(cs_error_fd, STDERR_FILENO);
  close(cs_error_fd);
  cs_error_fd = -1;
}

static void cs_modes_on(void) {
  raw();
  noecho();
  nonl();
  typeahead(-1);
  keypad(stdscr, TRUE);
  leaveok(stdscr, FALSE);
  scrollok(stdscr, FALSE);
  cs_is_raw = 1;
  (void)!write(STDOUT_FILENO, "\033[?2004h", 8);
}

static SCREEN *cs_screen(const char *direct) {
  SCREEN *screen = direct ? newterm(direct, stdout, stdin) : NULL;
  if (!screen) screen = newterm(NULL, stdout, stdin);
  // A terminal nobody described is most likely like these.
  if (!screen) screen = newterm("xterm-256color", stdout, stdin);
  if (!screen) screen = newterm("xterm", stdout, stdin);
  return screen;
}

// 1 if a screen was opened. `direct` names a terminal of 16 million colours, or is NULL.
int cs_open(const char *direct) {
  const char *terminal = getenv("TERM");
  cs_synchronizes = terminal && strcmp(terminal, "linux") != 0 && strncmp(terminal, "vt", 2) != 0;
  if (geteuid() != getuid()) {
    unsetenv("TERMINFO");
    unsetenv("TERMINFO_DIRS");
  }
  unsetenv("LINES");
  unsetenv("COLUMNS");
  // From here on a crash has something to put right.
  if (tcgetattr(STDIN_FILENO, &cs_saved_settings) == 0) cs_is_raw = 1;
  setlocale(LC_ALL, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
  SCREEN *screen = cs_screen(direct);
  if (!screen) {
    cs_is_raw = 0;
    return 0;
  }
  set_term(screen);
  if (has_colors()) {
    start_color();
    use_default_colors();
  }
  cs_modes_on();
  return 1;
}

int cs_color_count(void) { return has_colors() ? COLORS : 0; }

void cs_pair(int pair, int color) { init_extended_pair(pair, color, -1); }

void cs_put(int y, int x, const char *utf8, int bold, int reversed, int underlined,
                          int dim, int pair) {
  wchar_t wide[CCHARW_MAX + 1];
  size_t count = mbstowcs(wide, utf8, CCHARW_MAX);
  if (count == (size_t)-1 || count == 0) {
    wide[0] = L'?';
    count = 1;
  }
  wide[count] = 0;
  attr_t attributes = A_NORMAL;
  if (bold) attributes |= A_BOLD;
  if (reversed) attributes |= A_REVERSE;
  if (underlined) attributes |= A_UNDERLINE;
  if (dim) attributes |= A_DIM;
  cchar_t cell;
  setcchar(&cell, wide, attributes, 0, &pair);
  mvadd_wch(y, x, &cell);
}

void cs_show(int cursor_y, int cursor_x) {
  if (cursor_y >= 0) move(cursor_y, cursor_x);
  curs_set(cursor_y >= 0 ? 1 : 0);
  if (cs_synchronizes) (void)!write(STDOUT_FILENO, "\033[?2026h", 8);
  refresh();
  if (cs_synchronizes) (void)!write(STDOUT_FILENO, "\033[?2026l", 8);
}

// Presses, the wheel, and places beyond column 223.
void cs_mouse(int is_on) {
  const char *mode = is_on ? "\033[?1000h\033[?1006h" : "\033[?1000l\033[?1006l";
  (void)!write(STDOUT_FILENO, mode, strlen(mode));
}

// A string for the terminal itself, as a bell or the clipboard's.
void cs_send(const char *bytes, long count) { (void)!write(STDOUT_FILENO, bytes, (size_t)count); }

int cs_is_utf8(void) { return strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

void cs_repaint(void) { clearok(stdscr, TRUE); }

void cs_resize(int lines, int columns) { resizeterm(lines, columns); }

int cs_size(int *lines, int *columns) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return 0;
  *lines = size.ws_row;
  *columns = size.ws_col;
  return 1;
}

void cs_close(void) {
  if (!cs_is_raw) return;
  cs_is_raw = 0;
  (void)!write(STDOUT_FILENO, "\033[?1000l\033[?1006l\033[?2004l", 24);
  endwin();
  tcsetattr(STDIN_FILENO, TCSANOW, &cs_saved_settings);
}

void cs_reopen(void) {
  cs_modes_on();
  clearok(stdscr, TRUE);
}

void cs_die_by(int signal_number) {
  // The thread that runs this may have the signal blocked: raised there alone it would wait for ever.
  signal(signal_number, SIG_DFL);
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, signal_number);
  pthread_sigmask(SIG_UNBLOCK, &own, NULL);
  raise(signal_number);
  _exit(128 + signal_number);
}

void cs_give_back_memory(void) { malloc_trim(0); }
