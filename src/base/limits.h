/*
 * Maxima for everything that comes from outside: files, guests, networks. Going over one is an
 * error that names the limit, never a truncation in silence.
 */
#ifndef KILN_BASE_LIMITS_H
#define KILN_BASE_LIMITS_H

#define KILN_MAX_TEMPLATE       (16u << 20) /* bytes of one template or variable file */
#define KILN_MAX_JSON_DEPTH     64          /* nesting of objects and arrays in a template */
#define KILN_MAX_JSON_KEYS      65536       /* keys of one object */
#define KILN_MAX_JSON_VALUES    1000000     /* values and keys of one file */
#define KILN_MAX_JSON_NUMBER    512         /* characters of one number */
#define KILN_MAX_RENDERED       (16u << 20) /* bytes one {{ }} rendering may produce */
#define KILN_MAX_RENDER_STEPS   1000000     /* nodes evaluated by one rendering (range loops) */
#define KILN_MAX_RENDER_DEPTH   64          /* nesting of actions, parentheses, {{template}} */
#define KILN_MAX_RENDER_NAMES   256         /* {{$variables}} in scope, {{define}}s of one text */
#define KILN_MAX_BOOT_LINE      2047        /* characters of a kernel's command line on x86 */
#define KILN_MAX_BOOT_EVENTS    1000000     /* key events of one boot command */
#define KILN_MAX_LINE           (64u << 10) /* bytes of one output line; longer ones are split */
#define KILN_MAX_EVENT          (1u << 20)  /* bytes of one encoded event */
#define KILN_MAX_BREAKS         256         /* breakpoints of one build */
#define KILN_MAX_COMMAND        (1u << 20)  /* bytes of one command to a run */
#define KILN_MAX_QMP_MESSAGE    (1u << 20)  /* bytes of one QMP message */
#define KILN_MAX_CHECKSUM_FILE  (16u << 20) /* bytes of a SHA256SUMS file */
#define KILN_MAX_LOOKUP         (4u << 20)  /* bytes of one answer of Vault, Consul, AWS */
#define KILN_MAX_REDIRECTS      10          /* of one download */
#define KILN_MAX_HTTP_CLIENTS   256         /* connections to the HTTP server at one time */
#define KILN_MAX_HTTP_HEADER    (32u << 10) /* bytes of one request's header, and of its path */
#define KILN_MAX_HTTP_LISTING   (8u << 20)  /* bytes of a directory listing */
#define KILN_MAX_DISPLAY_PIXELS (64u << 20) /* width * height a VNC server may announce */
#define KILN_MAX_FONT_FILE      (8u << 20)  /* bytes of a console font, unpacked */
#define KILN_MAX_FONT_GLYPHS    65536       /* of one console font */
#define KILN_MAX_FIRMWARE       (64u << 20) /* bytes of a firmware image, unpacked */
#define KILN_MAX_TEXT_COLUMNS   512         /* of a guest's text screen */
#define KILN_MAX_TEXT_ROWS      256
#define KILN_MAX_CAPTURE        (1u << 20)   /* bytes kept of a program's captured output */
#define KILN_MIN_PASSWORD       4            /* bytes; shorter ones are parts of many words */
#define KILN_MAX_SECRET         (64u << 10)  /* bytes of one sensitive value */
#define KILN_MAX_SECRETS        (1u << 20)   /* bytes of all sensitive values together */
#define KILN_MAX_TREE_DEPTH     100          /* directories inside each other, to or from a guest */
#define KILN_MAX_TREE_ENTRIES   1000000      /* files and directories that one download may bring */
#define KILN_MAX_SFTP_PACKET    (256u << 10) /* bytes of one SFTP packet */
#define KILN_MAX_UNPACKED       (8ull << 40) /* bytes of the image in an archive, holes and all */
#define KILN_UNPACK_SPARE       (64u << 20)  /* bytes of a disk that unpacking leaves to others */
#define KILN_MAX_SENT_NAMES     (256u << 20) /* bytes of file names whose arrival is looked at */
#define KILN_MAX_SCP_LINE       4096         /* bytes of one control line of scp */
#define KILN_MAX_WINRM_REPLY    (4u << 20)   /* bytes of one WinRM envelope */
#define KILN_MAX_WINRM_ID       256          /* bytes of the name of a shell or command */
#define KILN_MAX_XML_DEPTH      64           /* elements inside each other */

#endif
