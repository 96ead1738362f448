#define NCURSES_WIDECHAR 1
#define _GNU_SOURCE 1
#define _XOPEN_SOURCE_EXTENDED 1
#include "CNCurses.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

static struct termios cs_saved_settings;
static int cs_is_raw = 0;
static int cs_wake_fd = -1;

// What leaves every mode we enter, whatever state ncurses was in; safe in a signal handler.
static const char cs_restore[] =
    "\033[?2026l\033[?1000l\033[?1002l\033[?1006l\033[?2004l\033[?25h\033[0m\033[?1l\033>\033[?1049l";

static void cs_emergency(int signal_number) {
  if (cs_is_raw) {
    cs_is_raw = 0;
    (void)!write(STDOUT_FILENO, cs_restore, sizeof cs_restore - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &cs_saved_settings);
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

static void cs_on_signal(int signal_number) {
  unsigned char byte = (unsigned char)signal_number;
  if (cs_wake_fd >= 0) (void)!write(cs_wake_fd, &byte, 1);
}

void cs_install_handlers(int wake_fd) {
  static char stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 0};
  sigaltstack(&alternate, NULL);
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
  signal(SIGPIPE, SIG_IGN);
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

// 1 if a screen was opened.
int cs_open(void) {
  unsetenv("LINES");
  unsetenv("COLUMNS");
  tcgetattr(STDIN_FILENO, &cs_saved_settings);
  setlocale(LC_ALL, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
  SCREEN *screen = newterm(NULL, stdout, stdin);
  if (!screen) return 0;
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
  (void)!write(STDOUT_FILENO, "\033[?2026h", 8);
  refresh();
  (void)!write(STDOUT_FILENO, "\033[?2026l", 8);
}

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
  (void)!write(STDOUT_FILENO, "\033[?2004l", 8);
  endwin();
  tcsetattr(STDIN_FILENO, TCSANOW, &cs_saved_settings);
}

void cs_reopen(void) {
  cs_modes_on();
  clearok(stdscr, TRUE);
}

void cs_die_by(int signal_number) {
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}
