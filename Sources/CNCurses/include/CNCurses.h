#pragma once
// ncurses keeps its state in globals and macros, which Swift 6 cannot import: each need gets a
// function here, and terminal.c holds the state.

void cs_install_handlers(int wake_fd);
void cs_use_crash_stack(void);
int cs_open(const char *direct);
int cs_divert_errors(const char *path);
int cs_has_screen(void);
void cs_restore_errors(void);
void cs_mouse(int is_on);
void cs_send(const char *bytes, long count);
int cs_is_utf8(void);
int cs_color_count(void);
void cs_pair(int pair, int color);
void cs_put(int y, int x, const char *utf8, int bold, int reversed, int underlined, int dim, int pair);
void cs_show(int cursor_y, int cursor_x);
void cs_repaint(void);
void cs_resize(int lines, int columns);
int cs_size(int *lines, int *columns);
void cs_close(void);
void cs_reopen(void);
void cs_die_by(int signal_number);
void cs_give_back_memory(void);
