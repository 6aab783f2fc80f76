// The helper program as bytes of the library, between treehold_agent_image_begin and _end. The build
// defines TREEHOLD_AGENT_IMAGE as the path of the file.

        .section .rodata
        .balign 16

        .globl  treehold_agent_image_begin
        .hidden treehold_agent_image_begin
        .type   treehold_agent_image_begin, %object
treehold_agent_image_begin:
        .incbin TREEHOLD_AGENT_IMAGE
        .size   treehold_agent_image_begin, . - treehold_agent_image_begin

        .globl  treehold_agent_image_end
        .hidden treehold_agent_image_end
        .type   treehold_agent_image_end, %object
treehold_agent_image_end:
        .byte   0
        .size   treehold_agent_image_end, 1

        // Every user of the library carries it, and every host keeps a copy. More than this is a table that is not
        // all zero.
        .if treehold_agent_image_end - treehold_agent_image_begin > 65536
        .error "the helper program has grown out of all proportion"
        .endif

        .section .note.GNU-stack, "", %progbits
